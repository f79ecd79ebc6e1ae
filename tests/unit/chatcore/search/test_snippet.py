"""Tests the part of a text that shows why it was found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.errors import InvalidInputError
from chatcore.search.query import SearchQuery
from chatcore.search.snippet import SNIPPET_CHARS, Snippet, snippet_of

_MANY = "word " * 200


def _snippet(text: str, query: str) -> Snippet:
    found = snippet_of(text, SearchQuery.parse(query))
    assert found is not None
    return found


def _highlighted(snippet: Snippet) -> list[str]:
    return [snippet.text[start:end] for start, end in snippet.highlights]


def test_a_short_text_is_shown_whole_on_one_line() -> None:
    assert _snippet("A\ncat.\tA dog.", "cat do") == Snippet("A cat. A dog.", ((2, 5), (9, 11)))


@pytest.mark.parametrize(
    ("text", "query", "highlighted"),
    [
        ("Une Crème", "creme", "Crème"),
        ("e\u0301te\u0301!", "ete", "e\u0301te\u0301"),
        ("Die Straße", "strasse", "Straße"),
        ("Fließt", "flies", "Fließ"),
        ("👨\u200d👩 👍🏽", "👍", "👍"),
        ("我在北京大学", "京大", "京大"),
        ("\U0001d4b3 ﷺ cat", "cat", "cat"),
    ],
)
def test_highlights_count_code_points_of_the_text_as_it_is_written(text: str, query: str, highlighted: str) -> None:
    assert _highlighted(_snippet(text, query)) == [highlighted]


def test_a_long_text_is_cut_between_words_around_what_was_found() -> None:
    snippet = _snippet(_MANY + "walrus " + _MANY, "walrus")

    assert snippet.text.startswith("…")
    assert snippet.text.endswith("…")
    assert set(snippet.text.strip("…").split()) == {"word", "walrus"}
    assert _highlighted(snippet) == ["walrus"]
    assert len(snippet.text) <= SNIPPET_CHARS + 2


def test_the_part_with_the_most_words_is_shown() -> None:
    snippet = _snippet("black " + _MANY + "black tea " + _MANY, "black tea")

    assert _highlighted(snippet) == ["black", "tea"]


def test_overlapping_places_are_one_highlight() -> None:
    assert _highlighted(_snippet("アアアア", "アア")) == ["アアアア"]


def test_a_text_without_the_words_has_no_snippet() -> None:
    assert snippet_of("A cat", SearchQuery.parse("dog")) is None
    assert snippet_of("", SearchQuery.parse("dog")) is None


@given(st.text(), st.text(max_size=300), st.text(min_size=1, max_size=10))
def test_highlights_are_in_order_within_the_snippet_and_find_the_query(before: str, after: str, word: str) -> None:
    try:
        query = SearchQuery.parse(word)
    except InvalidInputError:
        return
    snippet = snippet_of(f"{before} {word} {after}", query)

    if snippet is not None:
        ends = [place for highlight in snippet.highlights for place in highlight]
        assert ends
        assert ends == sorted(ends)
        assert 0 <= ends[0] < ends[-1] <= len(snippet.text) <= SNIPPET_CHARS + 2
