"""The script that updates the vendored renderer: the licences that it collects."""

from __future__ import annotations

import json
from pathlib import Path

from tools.update_docs_renderer import third_party_licences


def make_package(modules: Path, name: str, licence: str) -> None:
    folder = modules / name
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"name": name, "version": "1.2.3", "license": "MIT"}))
    (folder / "LICENSE.md").write_text(licence)


def test_a_licence_text_is_given_once_below_all_packages_that_use_it(tmp_path: Path) -> None:
    make_package(tmp_path, "one", "MIT License\n\nCopyright (c) 2024 Ada\n\nDo as you\nlike.\n")
    make_package(tmp_path, "two", "MIT License\n\n  Copyright 2025 Grace\n\nDo as you like.")
    make_package(tmp_path, "three", "Keep this notice.\n(c) 2023 Edsger\n")

    shared, other = third_party_licences(tmp_path).split(f"\n\n{'-' * 80}\n\n")
    assert shared.startswith("one 1.2.3 (MIT)\n  Copyright (c) 2024 Ada\ntwo 1.2.3 (MIT)\n  Copyright 2025 Grace\n\n")
    assert shared.endswith("\n\nMIT License\n\nDo as you\nlike.")
    assert other == "three 1.2.3 (MIT)\n  (c) 2023 Edsger\n\nKeep this notice.\n"


def test_nothing_is_listed_that_the_bundle_cannot_contain(tmp_path: Path) -> None:
    make_package(tmp_path, "openapi-explorer", "Its own licence is a file of its own.")
    make_package(tmp_path, "@types/one", "Types")
    (tmp_path / "part" / "esm").mkdir(parents=True)
    (tmp_path / "part" / "esm" / "package.json").write_text('{"type": "module"}')

    assert third_party_licences(tmp_path).strip() == ""


def test_a_package_without_a_licence_file_is_listed_with_the_name_of_its_licence(tmp_path: Path) -> None:
    make_package(tmp_path, "one", "Do as you like.")
    (tmp_path / "one" / "LICENSE.md").unlink()

    assert third_party_licences(tmp_path) == (
        "one 1.2.3 (MIT)\n\nThe package has no file with the text of its licence: MIT\n"
    )
