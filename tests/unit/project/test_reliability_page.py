"""What docs/reliability.md says is shown by tests that exist."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", (_ROOT / "docs/reliability.md").read_text())


def test_tests_are_named() -> None:
    assert len(_NAMED) > 30


@pytest.mark.parametrize(("path", "test"), _NAMED)
def test_a_named_test_exists(path: str, test: str) -> None:
    files = [folder / path for folder in (_ROOT / "tests/unit", _ROOT / "tests/integration")]

    assert any(re.search(rf"def {test}\(", file.read_text()) for file in files if file.exists())
