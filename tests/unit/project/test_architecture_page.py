"""docs/architecture.md names modules that exist and packages that are all there are."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_PAGE = (_ROOT / "docs/architecture.md").read_text()
_LINKS = re.findall(r"\]\(\.\./([^)#]+)\)", _PAGE)


def test_modules_are_named() -> None:
    assert len(_LINKS) > 15


@pytest.mark.parametrize("path", sorted(set(_LINKS)))
def test_a_named_module_exists(path: str) -> None:
    assert (_ROOT / path).exists()


def test_every_package_is_described() -> None:
    packages = {path.parent.name for path in (_ROOT / "src").glob("**/py.typed")}

    assert {package for package in packages if f"`{package}`" not in _PAGE} == set()


def test_the_glossary_is_in_alphabetical_order() -> None:
    words = re.findall(r"^\| ([a-z ]+) \|", _PAGE.split("## Glossary")[1], re.MULTILINE)

    assert len(words) > 20
    assert words == sorted(words)
