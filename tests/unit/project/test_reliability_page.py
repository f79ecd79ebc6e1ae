"""What docs/reliability.md says is shown by tests that exist."""

import re
from pathlib import Path

_ROOT = Path(__file__).parents[3]
_NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", (_ROOT / "docs/reliability.md").read_text())


def test_tests_are_named() -> None:
    assert len(_NAMED) > 30


def _exists(path: str, test: str) -> bool:
    files = [folder / path for folder in (_ROOT / "tests/unit", _ROOT / "tests/integration")]
    return any(re.search(rf"def {test}\(", file.read_text()) for file in files if file.exists())


def test_every_named_test_exists() -> None:
    assert [f"{path}::{test}" for path, test in _NAMED if not _exists(path, test)] == []
