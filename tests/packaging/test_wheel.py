"""The wheel has the right contents, and works in an environment of its own."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import psycopg

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.packaging.conftest import REPOSITORY

PACKAGES = {
    "chatcore",
    "chatcore_auth",
    "chatcore_dev",
    "chatcore_inference",
    "chatcore_memory",
    "chatcore_postgres",
    "chatcore_service",
}

# Imports all of the core except its contract tests, which need pytest, and prints the foreign modules.
IMPORT_THE_CORE = """
import importlib, pkgutil, sys
import chatcore
for module in pkgutil.walk_packages(chatcore.__path__, "chatcore."):
    if not module.name.startswith("chatcore.testing"):
        importlib.import_module(module.name)
foreign = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
print(*sorted(name for name in foreign if not name.startswith("_")))
"""


def names_in(wheel: Path) -> list[str]:
    with ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_top_level_names_are_our_packages_and_nothing_else(wheel: Path) -> None:
    top_level = {name.partition("/")[0] for name in names_in(wheel)}

    assert {name for name in top_level if not name.endswith(".dist-info")} == PACKAGES


def test_every_package_says_that_it_is_typed(wheel: Path) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names_in(wheel))


def test_the_wheel_states_its_licence_and_contains_it(wheel: Path) -> None:
    (licence,) = [name for name in names_in(wheel) if name.endswith(".dist-info/licenses/LICENSE")]
    renderer = "src/entrypoints/chatcore_service/openapi/renderer"
    with ZipFile(wheel) as archive:
        for path in ("LICENSE", f"{renderer}/LICENSE", f"{renderer}/THIRD-PARTY.txt"):
            assert archive.read(licence.replace("LICENSE", path)) == (REPOSITORY / path).read_bytes()
        metadata = archive.read(licence.replace("licenses/LICENSE", "METADATA")).decode()
    [expression] = [line for line in metadata.splitlines() if line.startswith("License-Expression: ")]
    assert expression.removeprefix("License-Expression: ").split(" AND ")[:2] == ["MIT", "Apache-2.0"]


def test_the_wheel_carries_every_migration(wheel: Path) -> None:
    migrations = {path.name for path in (REPOSITORY / "sql" / "migrations").glob("*.sql")}
    carried = {Path(name).name for name in names_in(wheel) if name.startswith("chatcore_postgres/migrations/")}

    assert migrations
    assert carried == migrations


def test_the_wheel_carries_the_docs_page_and_its_renderer_with_the_licences(wheel: Path) -> None:
    folder = "chatcore_service/openapi"
    renderer = REPOSITORY / "src" / "entrypoints" / folder / "renderer"
    files = {f"{folder}/renderer/{path.name}" for path in renderer.iterdir()}

    assert f"{folder}/renderer/LICENSE" in files
    assert {f"{folder}/page.html", f"{folder}/page.css", *files} <= set(names_in(wheel))


def test_the_wheel_carries_the_built_in_page_and_the_licences_of_its_libraries(wheel: Path) -> None:
    folder = "chatcore_service/console/page"
    source = REPOSITORY / "src" / "entrypoints" / folder
    files = {f"{folder}/{path.relative_to(source).as_posix()}" for path in source.rglob("*") if path.is_file()}
    licences = [name for name in names_in(wheel) if ".dist-info/licenses/" in name and "/console/" in name]

    assert files <= set(names_in(wheel))
    assert len(licences) == len(list(source.rglob("LICENSE"))) > 0


def test_the_core_needs_attrs_and_nothing_else(install: Callable[[str], Path]) -> None:
    programs = install("")

    result = subprocess.run(
        [programs / "python", "-c", IMPORT_THE_CORE], capture_output=True, text=True, check=True, env={}
    )
    assert set(result.stdout.split()) <= {"attr", "attrs", "chatcore", "sitecustomize"}


def test_without_its_extra_a_command_says_in_one_sentence_what_to_install(install: Callable[[str], Path]) -> None:
    programs = install("")

    extras = {"serve": "service", "migrate": "service", "import samosachaat": "service", "dev": "local"}
    for command, extra in extras.items():
        result = subprocess.run(
            [programs / "chatcore", *command.split()],
            capture_output=True,
            text=True,
            check=False,
            env={"INTERNAL_API_KEY": "a key"},
        )
        assert result.returncode == 1
        assert re.fullmatch(
            rf"chatcore: \w+ is not installed; this command needs pip install 'chatcore\[{extra}\]'\.\n", result.stderr
        )


def test_the_installed_service_migrates_a_database(install: Callable[[str], Path], tmp_path: Path) -> None:
    programs = install("[service]")

    with EmbeddedPostgres(durable=False) as postgres:
        environment = {**os.environ, "DATABASE_URL": postgres.url(), "INTERNAL_API_KEY": "not used by migrate"}
        subprocess.run([programs / "chatcore", "migrate"], check=True, env=environment, cwd=tmp_path, timeout=60)

        with psycopg.connect(postgres.url()) as connection:
            tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    assert {"conversations", "messages", "generations", "deltas", "idempotency_keys"} <= {name for (name,) in tables}
