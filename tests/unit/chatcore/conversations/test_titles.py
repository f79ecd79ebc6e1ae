"""Titles that nobody chose."""

import pytest

from chatcore.conversations.conversation import DEFAULT_TITLE
from chatcore.conversations.titles import MAX_AUTO_TITLE_CHARS, auto_title


def test_a_short_message_is_its_own_title() -> None:
    assert auto_title("hi there") == "hi there"


def test_white_space_of_all_kinds_is_collapsed_to_one_line() -> None:
    assert auto_title("  one\r\n\ttwo\u2028three \u3000 four ") == "one two three four"


def test_a_message_of_exactly_the_limit_is_kept_whole() -> None:
    content = "x" * MAX_AUTO_TITLE_CHARS

    assert auto_title(content) == content


def test_a_long_message_is_cut_after_its_last_whole_word() -> None:
    title = auto_title("words " * 40)

    assert title == ("words " * 13).strip() + "…"
    assert len(title) <= MAX_AUTO_TITLE_CHARS


def test_a_word_that_ends_just_at_the_cut_is_kept() -> None:
    first = "x" * (MAX_AUTO_TITLE_CHARS - 1)

    assert auto_title(first + " more") == first + "…"


def test_one_endless_word_is_cut_in_its_middle() -> None:
    title = auto_title("x" * 500)

    assert title == "x" * (MAX_AUTO_TITLE_CHARS - 1) + "…"


@pytest.mark.parametrize("content", [" ", "\n\t", "\u3000"])
def test_nothing_but_white_space_gives_the_default_title(content: str) -> None:
    assert auto_title(content) == DEFAULT_TITLE
