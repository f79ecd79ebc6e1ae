"""Tests what a query finds, and that the terms of a query are terms of every text that it finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.errors import InvalidInputError
from chatcore.search.folding import fold
from chatcore.search.query import MAX_QUERY_CHARS, QueryTerm, SearchQuery
from chatcore.search.terms import terms_of


def _finds(query: str, text: str) -> bool:
    return bool(SearchQuery.parse(query).places(fold(text)))


def _has(text: str, term: QueryTerm) -> bool:
    return any(own.startswith(term.text) if term.is_prefix else own == term.text for own in terms_of(text))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("cat", "The Cat."),
        ("hel", "Say hello"),
        ("brulee creme", "Crème brûlée"),
        ("user_id", "where USER_ID = 1"),
        ("id", "user_id"),
        ("c++", "I like C++ best"),
        ("c#", "C# is fine"),
        ('"node.js,"', "Use Node.js!"),
        ("don't", "I don\u2019t"),
        ("3.14", "Pi is 3.14159"),
        ("京大", "北京大学"),
        ("学", "北京大学"),
        ("大学 cat", "北京大学 has a cat"),
        ("สดี", "สวัสดีครับ"),
        ("한국", "그는 한국어를"),
        ("👍", "ok 👍🏽"),
        ("👨‍👩‍👧", "👨‍👩‍👧 family"),
        ("مدرسة", "مَدْرَسَةٌ"),
        ("e" * 100, "e" * 100),
    ],
)
def test_a_text_with_all_words_is_found(query: str, text: str) -> None:
    assert _finds(query, text)
    assert all(_has(text, term) for term in SearchQuery.parse(query).terms)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("el", "hello"),
        ("hel say", "Say hello"),
        ("node.js", "node js"),
        ("user_id", "id of a user"),
        ("c++", "C or c"),
        ("京学", "北京大学"),
        ("北大", "北京大学"),
        ("か", "がく"),
        ("cat dog", "A cat"),
        ("x" * 50, "x" * 45),
    ],
)
def test_a_text_without_one_of_the_words_is_not_found(query: str, text: str) -> None:
    assert not _finds(query, text)


@pytest.mark.parametrize("query", ["...", "- — +", "\u200b", " ", "\u3000!"])
def test_a_query_without_words_has_none(query: str) -> None:
    assert SearchQuery.parse(query) == SearchQuery(())


@pytest.mark.parametrize("query", ["", "x" * (MAX_QUERY_CHARS + 1), "word " * 1000, "a\x00", "\ud800"])
def test_a_query_that_breaks_its_limits_is_refused(query: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        SearchQuery.parse(query)

    assert [problem.field for problem in raised.value.problems] == ["q"]


def test_a_query_asks_for_a_bounded_number_of_terms() -> None:
    query = SearchQuery.parse(" ".join(map(str, range(100, 200))))

    assert (len(query.words), len(query.terms)) == (100, 64)


@given(st.text(min_size=1), st.integers(0), st.integers(1, 20))
def test_any_part_of_a_text_that_begins_at_a_word_finds_it_by_terms_of_the_text(
    text: str, start: int, count: int
) -> None:
    words = text.split()
    part = " ".join(words[start % (len(words) or 1) :][:count])[:MAX_QUERY_CHARS]
    try:
        query = SearchQuery.parse(part)
    except InvalidInputError:
        return

    if query.words and query.places(fold(text)) is not None:
        assert all(_has(text, term) for term in query.terms)
