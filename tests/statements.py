"""Finds all statements that the PostgreSQL adapter sends."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import LiteralString

import chatcore_postgres


@cache
def all_statements() -> Mapping[str, LiteralString]:
    """Returns every public string constant of every module of the adapter, by its name.

    A constant that is no statement fails the tests that walk over these; such a constant belongs into a function.
    """
    found: dict[str, LiteralString] = {}
    for module in _modules():
        for name, value in vars(module).items():
            if name.isupper() and not name.startswith("_") and isinstance(value, str):
                assert found.setdefault(name, value) == value, f"two statements have the name {name}"
    assert found, "no statements were found"
    return found


def _modules() -> Iterator[ModuleType]:
    for info in pkgutil.walk_packages(chatcore_postgres.__path__, f"{chatcore_postgres.__name__}."):
        yield importlib.import_module(info.name)
