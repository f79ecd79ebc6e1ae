"""The script that updates the vendored libraries of the built-in page."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tools.update_console_libraries import LIBRARIES, VENDOR, vendor


def test_the_named_files_of_a_package_take_the_place_of_all_earlier_ones(tmp_path: Path) -> None:
    package = tmp_path / "node_modules" / "@scope" / "one"
    (package / "lib").mkdir(parents=True)
    (package / "package.json").write_text(json.dumps({"version": "1.2.3", "license": "MIT"}))
    (package / "lib" / "one.js").write_text("new")
    (package / "lib" / "unused.js").write_text("unused")
    target = tmp_path / "vendor"
    (target / "@scope" / "one" / "old").mkdir(parents=True)
    (target / "@scope" / "one" / "old" / "one.js").write_text("old")

    entry = vendor(tmp_path / "node_modules", "@scope/one", ["lib/one.js"], target)

    assert [path.relative_to(target).as_posix() for path in target.rglob("*.js")] == ["@scope/one/lib/one.js"]
    assert (target / "@scope/one/lib/one.js").read_text() == "new"
    assert entry == {
        "version": "1.2.3",
        "license": "MIT",
        "sha256": {"lib/one.js": hashlib.sha256(b"new").hexdigest()},
    }


def test_the_vendored_files_are_those_that_the_script_names() -> None:
    manifest = json.loads((VENDOR / "manifest.json").read_text())

    assert {name: list(library["sha256"]) for name, library in manifest.items()} == {
        name: list(paths) for name, paths in LIBRARIES.items()
    }
