"""The files of the built-in page: what they are, how large they are, and what they name."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from chatcore_service.console.files import console_files

PAGE = files("chatcore_service.console") / "page"
VENDOR = Path(str(PAGE)) / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())

#: Hosts that the libraries and icons name, in comments, messages and names of XML. The page asks none of them for
#: anything: its policy allows no other host.
NAMED_HOSTS = {"github.com", "www.w3.org"}
MAX_BYTES_OF_A_VISIT = 70_000


def own_scripts() -> dict[str, str]:
    """Returns the scripts of the page that are ours, by their paths."""
    return {**own_modules(), "loading.js": console_files().loading.content.decode()}


def own_modules() -> dict[str, str]:
    """Returns the modules of the page that are ours, by their paths."""
    return {
        name: file.content.decode()
        for name, file in console_files().by_name.items()
        if name.endswith(".js") and not name.startswith("vendor/")
    }


def test_every_file_is_compressed_and_complete() -> None:
    for file in [console_files().page, console_files().loading, *console_files().by_name.values()]:
        assert gzip.decompress(file.compressed) == file.content
        assert hashlib.sha256(file.content).hexdigest().startswith(file.tag)


def test_the_page_names_its_files_below_their_digest_and_relative_to_itself() -> None:
    page = console_files().page.content.decode()
    named = re.findall(r'(?:href|src)="([^"]*)"', page)

    below = f"console/{console_files().digest}/"
    outside = {"docs", "console/loading.js"}
    assert {name.removeprefix(below) for name in named} - outside <= console_files().by_name.keys()
    assert {f"{below}app.js", *outside} <= set(named)
    assert "{" not in page


def test_every_style_sheet_of_every_visit_is_in_one_file() -> None:
    sheets = [sheet.read_text() for sheet in (PAGE / "styles").iterdir()]
    together = console_files().by_name["styles.css"].content.decode()

    assert sheets
    assert [sheet for sheet in sheets if sheet not in together] == []
    assert [name for name in console_files().by_name if name.startswith("styles/")] == []


def test_no_module_waits_for_the_script_that_loads_the_page_again() -> None:
    scripts = re.findall(r"<script ([^>]*)>", console_files().page.content.decode())

    assert scripts == [f'type="module" src="console/{console_files().digest}/app.js"', 'async src="console/loading.js"']


def test_the_page_has_no_inline_script_no_inline_style_and_no_other_host() -> None:
    page = console_files().page.content.decode()

    assert set(re.findall(r"<script[^>]*>([^<]*)</script>", page)) == {""}
    assert not re.search(r"<style|\sstyle=|\son\w+=|//|javascript:", page)


def test_every_import_leads_to_a_file() -> None:
    for name, source in own_modules().items():
        for imported in re.findall(r'(?:from|import) ?\(?"([^"]+)"', source):
            path = Path("/", name).parent / imported
            assert str(path.resolve())[1:] in console_files().by_name, f"{name} imports {imported}"


def test_each_module_is_loaded_by_another_or_by_the_page() -> None:
    sources = "\n".join(own_modules().values()) + console_files().page.content.decode()

    for name in own_modules():
        assert f'/{name.rpartition("/")[2]}"' in sources, f"nothing loads {name}"


def test_the_page_writes_no_html_but_by_its_libraries() -> None:
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|unsafeHTML|\beval\(|new Function")
    assert [name for name, source in own_scripts().items() if forbidden.search(source)] == []


def test_a_first_visit_loads_few_bytes() -> None:
    loaded = re.findall(rf'{console_files().digest}/([^"]+)"', console_files().page.content.decode())
    libraries = [name for name in console_files().by_name if name.startswith("vendor/lit-html/")]

    files = [console_files().loading, *(console_files().by_name[name] for name in {*loaded, *libraries})]
    assert sum(len(file.compressed) for file in files) < MAX_BYTES_OF_A_VISIT


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_a_library_is_the_one_that_the_manifest_names(name: str) -> None:
    found = {
        path.relative_to(VENDOR / name).as_posix(): path.read_bytes()
        for path in (VENDOR / name).rglob("*")
        if path.is_file()
    }

    assert {path: hashlib.sha256(content).hexdigest() for path, content in found.items()} == MANIFEST[name]["sha256"]
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", MANIFEST[name]["version"])
    assert re.search(r"MIT|Apache-2\.0|BSD-3-Clause", MANIFEST[name]["license"])
    assert b"opyright" in found["LICENSE"] or b"Apache License" in found["LICENSE"]


def test_there_is_no_library_beside_those_of_the_manifest() -> None:
    licences = {path.parent.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("LICENSE")}

    assert licences == MANIFEST.keys()


def test_the_files_name_no_host_that_nobody_has_looked_at() -> None:
    files = [console_files().page, console_files().loading, *console_files().by_name.values()]
    sources = b"\n".join(file.content for file in files).decode()

    assert set(re.findall(r"https?://([a-z0-9-]+\.[a-z0-9.-]*[a-z])", sources)) == NAMED_HOSTS
