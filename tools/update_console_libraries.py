"""Replaces the vendored libraries of the built-in page by exact versions of their npm packages.

``make console-libraries`` fetches the versions that the manifest names, and ``make console-libraries
VERSIONS="marked@18.2.1 remend@1.4.0"`` others. npm downloads the packages into a temporary folder and runs none of
their scripts. The files keep the paths that they have in their packages, because they import each other by these paths.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[1] / "src/entrypoints/chatcore_service/console/page/vendor"
MANIFEST = "manifest.json"

#: The languages in which code is highlighted: those that people ask language models for most.
LANGUAGES = (
    "bash",
    "c",
    "cpp",
    "csharp",
    "css",
    "diff",
    "dockerfile",
    "go",
    "ini",
    "java",
    "javascript",
    "json",
    "kotlin",
    "markdown",
    "php",
    "python",
    "ruby",
    "rust",
    "sql",
    "swift",
    "typescript",
    "xml",
    "yaml",
)

#: The files that the page needs of each package, by their paths in the package.
LIBRARIES: Mapping[str, Sequence[str]] = {
    "@highlightjs/cdn-assets": (
        "LICENSE",
        "es/core.min.js",
        *(f"es/languages/{language}.min.js" for language in LANGUAGES),
    ),
    "dompurify": ("LICENSE", "dist/purify.min.js"),
    "lit-html": (
        "LICENSE",
        "lit-html.js",
        "directive.js",
        "directive-helpers.js",
        "directives/guard.js",
        "directives/live.js",
        "directives/repeat.js",
    ),
    "marked": ("LICENSE", "lib/marked.esm.js"),
    "remend": ("LICENSE", "dist/index.js"),
}


def main(*versions: str) -> None:
    """Downloads the packages and writes the vendored files.

    Args:
        versions: packages with exact versions, such as `marked@18.2.1`; of other packages, the version stays.
    """
    wanted = {name: library["version"] for name, library in _manifest().items()}
    wanted |= {name: version for name, _, version in (package.rpartition("@") for package in versions)}
    if wanted.keys() != LIBRARIES.keys():
        sys.exit(f"Name the version of each of: {', '.join(LIBRARIES)}")
    with tempfile.TemporaryDirectory() as folder:
        _install(wanted, Path(folder))
        manifest = {name: vendor(Path(folder) / "node_modules", name, LIBRARIES[name], VENDOR) for name in LIBRARIES}
    (VENDOR / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    print("Run `make test-browser` and look at the page before you commit.")


def _manifest() -> dict[str, dict[str, str]]:
    path = VENDOR / MANIFEST
    manifest: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    return manifest


def _install(wanted: Mapping[str, str], folder: Path) -> None:
    packages = [f"{name}@{version}" for name, version in wanted.items()]
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev", "--prefix", str(folder)]
    subprocess.run([*command, *packages], check=True)


def vendor(modules: Path, name: str, paths: Sequence[str], target: Path) -> dict[str, object]:
    """Copies the files of a package, and removes the files that another version or choice has left there.

    Returns:
        The package's entry in the manifest: its version, its licence, and the SHA-256 of each file by its path.
    """
    package = modules / name
    described = json.loads((package / "package.json").read_text())
    old = target / name
    if old.exists():
        shutil.rmtree(old)
    hashes: dict[str, str] = {}
    for path in paths:
        content = (package / path).read_bytes()
        copy = old / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
        hashes[path] = hashlib.sha256(content).hexdigest()
    return {"version": described["version"], "license": described["license"], "sha256": hashes}


if __name__ == "__main__":
    main(*sys.argv[1:])
