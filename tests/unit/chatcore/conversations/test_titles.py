"""Titles that nobody chose."""

import pytest

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


def test_a_line_whose_words_end_in_its_first_half_is_cut_in_its_middle() -> None:
    title = auto_title("请问 " + "字" * 200)

    assert title == "请问 " + "字" * 76 + "…"


@pytest.mark.parametrize(("word", "is_kept"), [(39, False), (40, True)])
def test_words_are_kept_whole_where_that_leaves_half(word: int, *, is_kept: bool) -> None:
    title = auto_title("a" * word + " " + "b" * 200)

    assert title == ("a" * word if is_kept else "a" * word + " " + "b" * (78 - word)) + "…"


@pytest.mark.parametrize(
    "character",
    [
        "👩‍👩‍👧‍👦",
        "👍🏽",
        "🇩🇪",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "❤️",
        "1️⃣",
        "é",
        "ộ́",
        "각",
        "क्षि",
        "น้ำ",
    ],
)
@pytest.mark.parametrize("before", range(12))
def test_no_character_is_cut_through(character: str, before: int) -> None:
    title = auto_title("x" * before + character * 100)

    assert title is not None
    assert len(title) <= MAX_AUTO_TITLE_CHARS
    assert title.removesuffix("…").removeprefix("x" * before).replace(character, "") == ""
    assert title.count(character) == (MAX_AUTO_TITLE_CHARS - 1 - before) // len(character)


def test_a_character_longer_than_a_title_is_cut_all_the_same() -> None:
    assert auto_title("a" + "\u0301" * 200) == "a" + "\u0301" * (MAX_AUTO_TITLE_CHARS - 2) + "…"


@pytest.mark.parametrize(
    "content",
    [
        " ",
        "\n\t",
        "\u3000",
        "\u200b\u200e\u200f",
        "\u202e\u2066\u2069",
        "\ufe0f",
        "\u3164",
        "\u2800 ",
        "\x7f",
        "\u00ad",
    ],
    ids=ascii,
)
def test_what_nobody_sees_is_no_title(content: str) -> None:
    assert auto_title(content) is None


def test_what_nobody_sees_does_not_push_what_is_seen_out_of_the_title() -> None:
    assert auto_title("\u200b \u202e" * 100 + "Hello") == "Hello"
