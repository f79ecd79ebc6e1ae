"""Titles that nobody chose."""

import pytest

from chatcore.conversations.titles import MAX_AUTO_TITLE_CHARS, auto_title, title_from_answer


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


@pytest.mark.parametrize(
    "answer",
    [
        "A walk in Rome",
        "  A walk\tin  Rome \n",
        "\n\r\n\u200b\nA walk in Rome\n\nI hope that this title fits.",
        '"A walk in Rome"',
        "“A walk in Rome”",
        "„A walk in Rome“",
        "«A walk in Rome»",
        "「A walk in Rome」",
        "**A walk in Rome**",
        "***A walk in Rome***",
        "_A walk in Rome_",
        "`A walk in Rome`",
        "# A walk in Rome",
        '## **"A walk in Rome"**',
        "Title: A walk in Rome",
        "TITLE : A walk in Rome",
        '**Title:** "A walk in Rome"',
        "**Title**: A walk in Rome",
        '"Title: A walk in Rome"',
        "标题\uff1aA walk in Rome",
        "Title:\nA walk in Rome",
        'Here is a title for the conversation:\n\n"A walk in Rome"',
        "**Sure, a title:**\nA walk in Rome",
    ],
    ids=ascii,
)
def test_an_answer_gives_its_first_line_without_what_stands_around_the_title(answer: str) -> None:
    assert title_from_answer(answer) == "A walk in Rome"


@pytest.mark.parametrize(
    "title",
    [
        'Explaining "foo"',
        '"Foo" and "bar"',
        "**Foo** and **bar**",
        "C# and F#",
        "Titles: a history",
        "Book title: how to choose",
        "snake_case",
        "#5 of the list",
    ],
)
def test_marks_that_belong_to_a_title_stay(title: str) -> None:
    assert title_from_answer(title) == title


def test_a_title_of_a_model_has_at_most_eight_words() -> None:
    assert title_from_answer("one two three four five six seven eight") == "one two three four five six seven eight"
    assert title_from_answer("one two three four five six seven eight nine") == (
        "one two three four five six seven eight…"
    )


def test_a_title_of_a_model_has_at_most_as_many_characters_as_one_of_a_message() -> None:
    assert title_from_answer("字" * 200) == auto_title("字" * 200)
    title = title_from_answer(" ".join(["w" * 20] * 9))
    assert title is not None
    assert len(title) <= MAX_AUTO_TITLE_CHARS


@pytest.mark.parametrize(
    "answer",
    [
        "",
        " \n\t\n",
        "\u200b\n\u3000",
        '""',
        "**",
        "Title:",
        "Here is a title:",
        "标题\uff1a",
        "<think>\nHm, Rome.",
        "\n<think>",
    ],
    ids=ascii,
)
def test_an_answer_without_a_title_gives_none(answer: str) -> None:
    assert title_from_answer(answer) is None
