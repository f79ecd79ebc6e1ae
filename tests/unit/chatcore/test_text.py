"""Tests which text can be stored and how tokens are repaired."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.errors import InvalidInputError
from chatcore.text import TextRepair, from_visible, has_visible_text, require_text


def repaired(tokens: list[str]) -> str:
    repair = TextRepair()
    return "".join(repair.feed(token) for token in tokens) + repair.flush()


@pytest.mark.parametrize("length", [1, 10])
def test_text_within_its_limits_is_returned_unchanged(length: int) -> None:
    assert require_text("title", "é" * length, max_chars=10) == "é" * length


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "must not be empty"),
        ("é" * 11, "must be at most 10 characters"),
        ("a\x00b", "must not contain the character U+0000"),
        ("a\ud800b", "must not contain lone surrogates"),
    ],
)
def test_text_that_cannot_be_stored_is_rejected_by_name(text: str, problem: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        require_text("title", text, max_chars=10)

    assert [(p.field, p.problem) for p in refused.value.problems] == [("title", problem)]


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["Hel", "lo"], "Hello"),
        (["é", "\u2028", "\x85"], "é\u2028\x85"),
        (["\ud83d", "\ude00"], "😀"),
        (["a\ud83d", "\ude00b"], "a😀b"),
        (["\ud83d\ude00"], "😀"),
        (["\ud83d", "x"], "\ufffdx"),
        (["\ude00", "\ud83d"], "\ufffd\ufffd"),
        (["\ud83d", "\ud83d", "\ude00"], "\ufffd😀"),
        (["\ud83d"], "\ufffd"),
        (["\ud83d", ""], "\ufffd"),
        (["a\x00b"], "a\ufffdb"),
        (["é\x00"], "é\ufffd"),
    ],
)
def test_a_models_tokens_are_made_storable(tokens: list[str], text: str) -> None:
    assert repaired(tokens) == text


@given(st.text(), st.data())
def test_text_does_not_depend_on_how_escapes_are_split_over_tokens(text: str, data: st.DataObject) -> None:
    units = [json.loads(f'"\\u{unit:04x}"') for unit in memoryview(text.encode("utf-16-le")).cast("H")]
    tokens: list[str] = []
    while units:
        size = data.draw(st.integers(1, len(units)))
        tokens.append("".join(units[:size]))
        units = units[size:]

    assert repaired(tokens) == text.replace("\x00", "\ufffd")


#: Marks and signs that have the category of a format, but are seen.
SEEN_FORMATS = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
#: Letters, marks and symbols that nobody sees.
UNSEEN = {
    0x34F,
    0x115F,
    0x1160,
    0x17B4,
    0x17B5,
    0x180B,
    0x180C,
    0x180D,
    0x180F,
    0x2800,
    0x3164,
    0xFFA0,
    *range(0xFE00, 0xFE10),
}


def test_whether_a_character_is_seen_depends_on_its_category() -> None:
    spaces_and_formats = {"Cc", "Cf", "Zs", "Zl", "Zp"}
    for code in (*range(0xD800), *range(0xE000, 0xFFF0), *range(0xFFF9, 0x20000), *range(0xE0020, 0xE0080)):
        is_space_or_format = unicodedata.category(chr(code)) in spaces_and_formats
        # The ranges that are kept for formats have characters that are not assigned yet.
        if unicodedata.category(chr(code)) != "Cn":
            is_seen = code not in UNSEEN and (not is_space_or_format or code in SEEN_FORMATS)
            assert has_visible_text(chr(code)) is is_seen, hex(code)


@pytest.mark.parametrize(
    ("text", "rest"),
    [("", ""), (" \u200b\u202e", ""), ("Hello ", "Hello "), ("\ufeff\n\u2066 Hello\u2069", "Hello\u2069")],
)
def test_text_begins_where_something_is_seen(text: str, rest: str) -> None:
    assert from_visible(text) == rest
    assert has_visible_text(text) is bool(rest)
