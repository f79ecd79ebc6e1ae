"""Every module of the benchmark can be imported, and uses only what the packages of `src` make public."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import benchmarks
import pytest

BENCHMARKS = Path(benchmarks.__path__[0])
MODULES = [found.name for found in pkgutil.walk_packages([str(BENCHMARKS)], "benchmarks.")]
PUBLIC = {"chatcore", "chatcore.ports", "chatcore_postgres", "chatcore_inference", "chatcore_memory"}


def test_the_benchmark_stays_small() -> None:
    assert sum(len(file.read_text().splitlines()) for file in BENCHMARKS.rglob("*.py")) < 2000


@pytest.mark.parametrize("name", MODULES)
def test_a_module_can_be_imported(name: str) -> None:
    assert importlib.import_module(name).__doc__


@pytest.mark.parametrize("file", sorted(BENCHMARKS.rglob("*.py")), ids=lambda file: str(file.relative_to(BENCHMARKS)))
def test_a_module_imports_public_names_only(file: Path) -> None:
    for module, name in imported_names(file):
        assert not name.startswith("_"), f"{module}.{name}"
        if module.startswith("chatcore"):
            is_local_stack = module.startswith("chatcore_dev.") and file.name == "database.py"
            assert module in PUBLIC or is_local_stack, module


def imported_names(file: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
