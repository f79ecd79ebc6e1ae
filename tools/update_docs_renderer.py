"""Replaces the vendored renderer of the docs page by an exact version of its npm package.

The command ``make docs-renderer VERSION=2.4.820`` runs the script. npm downloads the package with all its dependencies
into a temporary folder and runs none of their scripts. The script writes the bundle, its licence, the licences of the
dependencies that may be part of the bundle, and a manifest with the version and the SHA-256 of each file into the
service's package.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "openapi-explorer"
BUNDLE = "openapi-explorer.min.js"
RENDERER = Path(__file__).resolve().parents[1] / "src/entrypoints/chatcore_service/openapi/renderer"

_NO_TEXT = "The package has no file with the text of its licence:"
_LICENCE_FILE = re.compile(r"(licen[cs]e|notice|copying)([-.].*)?", re.IGNORECASE)
_COPYRIGHT_LINE = re.compile(r"\W*(copyright|\(c\)|©).*\d{4}.*", re.IGNORECASE)


def main(version: str) -> None:
    """Downloads the version and writes the vendored files."""
    with tempfile.TemporaryDirectory() as folder:
        modules = _install(version, Path(folder))
        package = modules / PACKAGE
        licence = json.loads((package / "package.json").read_text())["license"]
        files = {
            BUNDLE: (package / "dist/browser" / BUNDLE).read_bytes(),
            "LICENSE": (package / "LICENSE").read_bytes(),
            "THIRD-PARTY.txt": third_party_licences(modules).encode(),
        }
    for name, content in files.items():
        (RENDERER / name).write_bytes(content)
    manifest = {
        "package": PACKAGE,
        "version": version,
        "license": licence,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    (RENDERER / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(f"{PACKAGE} {version}: {len(files[BUNDLE])} bytes. Look at /docs in a browser before you commit.")


def _install(version: str, folder: Path) -> Path:
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev", "--prefix", str(folder)]
    subprocess.run([*command, f"{PACKAGE}@{version}"], check=True)
    return folder / "node_modules"


def third_party_licences(modules: Path) -> str:
    """Returns each licence text once, below the packages that use it and their copyright lines."""
    holders: defaultdict[str, list[str]] = defaultdict(list)
    texts: dict[str, str] = {}
    for package, text in _licences(modules):
        lines = [line.strip() for line in text.splitlines()]
        copyrights = [line for line in lines if _COPYRIGHT_LINE.fullmatch(line)]
        terms = re.sub("\n{3,}", "\n\n", "\n".join(line for line in lines if line not in copyrights)).strip()
        key = " ".join(terms.lower().split())
        texts.setdefault(key, terms)
        holders[key].append("\n  ".join([package, *copyrights]))
    sections = ["\n".join(holders[key]) + "\n\n" + text for key, text in texts.items()]
    return f"\n\n{'-' * 80}\n\n".join(sections) + "\n"


def _licences(modules: Path) -> Iterator[tuple[str, str]]:
    for description in sorted(modules.rglob("package.json")):
        package = json.loads(description.read_text())
        # Packages contain further files of this name, without a version. Type declarations are in no bundle.
        if "version" not in package or package.get("name", "").startswith(("@types/", PACKAGE)):
            continue
        named = f"{package['name']} {package['version']} ({package.get('license')})"
        files = [path for path in sorted(description.parent.iterdir()) if _LICENCE_FILE.fullmatch(path.name)]
        if not files:
            # Some packages name their licence and ship no text. They are listed too: nothing may be left out silently.
            yield named, f"{_NO_TEXT} {package.get('license')}"
        for path in files:
            yield named, path.read_text()


if __name__ == "__main__":
    main(*sys.argv[1:])
