"""docs/performance.md names modules that exist."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_NAMED = re.findall(r"`([\w/]+/\w+\.py)`", (_ROOT / "docs/performance.md").read_text())


def test_modules_are_named() -> None:
    assert len(_NAMED) > 8


@pytest.mark.parametrize("path", sorted(set(_NAMED)))
def test_a_named_module_exists(path: str) -> None:
    assert len(list((_ROOT / "src").glob(f"**/{path}"))) == 1
