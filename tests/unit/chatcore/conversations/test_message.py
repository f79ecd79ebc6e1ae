"""Tests the rules of a message."""

import pytest

from chatcore.conversations.message import require_content
from chatcore.errors import InvalidInputError


def test_what_a_user_may_say_has_1_to_8000_characters() -> None:
    assert require_content("x" * 8000) == "x" * 8000
    for content in ("", "x" * 8001):
        with pytest.raises(InvalidInputError):
            require_content(content)


@pytest.mark.parametrize("content", ["a\x00b", "\ud83d"])
def test_what_a_user_may_say_can_be_stored(content: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        require_content(content)

    assert [problem.field for problem in refused.value.problems] == ["content"]
