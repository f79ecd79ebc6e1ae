"""Tests what the core imports; import-linter checks the other layers (see pyproject.toml)."""

from __future__ import annotations

import sys

import grimp


def test_the_core_imports_the_standard_library_and_attrs_only() -> None:
    graph = grimp.build_graph("chatcore", include_external_packages=True)
    core = {"chatcore"} | graph.find_descendants("chatcore")
    # The contract tests are for whoever runs pytest.
    importers = [module for module in core if not module.startswith("chatcore.testing")]

    imported = set[str]().union(*map(graph.find_modules_directly_imported_by, importers))

    assert "attrs" in imported
    assert imported - core - sys.stdlib_module_names <= {"attr", "attrs"}
