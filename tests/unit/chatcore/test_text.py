"""Tests which text can be stored and how tokens are repaired."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.errors import InvalidInputError
from chatcore.text import TextRepair, require_text


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
