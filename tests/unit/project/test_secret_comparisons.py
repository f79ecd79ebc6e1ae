"""Secrets are compared in constant time, so that the time does not reveal a correct prefix."""

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[3] / "src"

#: What holds a secret, by its name. The service compares the secret of a trusted proxy; it remembers tokens by their
#: hashes, and shows keys. The local services compare keys and signatures.
SECRET = re.compile(r"secret|signature|password|api_key|internal_key|key\.text|\bshown\b")

_TELLTALE = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


def telltale_comparisons(code: str) -> list[str]:
    comparisons = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Compare)]
    return [
        text
        for text in map(
            ast.unparse, (node for node in comparisons if any(isinstance(op, _TELLTALE) for op in node.ops))
        )
        if SECRET.search(text)
    ]


@pytest.mark.parametrize(
    "code", ["shown == expected", "x if signature(a) != b else y", "self.internal_key == key", "key.text in keys"]
)
def test_a_comparison_that_tells_is_found(code: str) -> None:
    assert telltale_comparisons(code)


def test_no_secret_is_compared_character_by_character() -> None:
    found = {
        str(path.relative_to(SOURCE)): comparisons
        for path in SOURCE.rglob("*.py")
        if "testing" not in path.parts and (comparisons := telltale_comparisons(path.read_text()))
    }

    assert found == {}


def test_secrets_are_compared_by_a_constant_time_function() -> None:
    using = [str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if "compare_digest(" in path.read_text()]

    assert using == ["chatcore/constant_time.py"]
