"""Tests the terms by which a text is found."""

import pytest

from chatcore.search.terms import MAX_INDEXED_CHARS, MAX_TERM_CHARS, MAX_TERMS, terms_of


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The cat, the CAT!", ("the", "cat")),
        ("user_id = foo.bar(3.14)", ("user", "id", "foo", "bar", "3", "14")),
        ("Crème brûlée", ("creme", "brulee")),
        ("हिन्दी भाषा", ("हिन्दी", "भाषा")),
        ("北京大学", ("北京", "京大", "大学", "学")),
        ("iPhone手机", ("iphone", "手机", "机")),
        ("สวัส", ("สว", "วั", "ัส", "ส")),
        ("ok 👍🏽!", ("ok", "👍🏽", "🏽")),
        ("한국어", ("한국", "국어", "어")),
        (" ... \u200b\n", ()),
    ],
)
def test_terms_are_words_or_pairs_of_characters(text: str, terms: tuple[str, ...]) -> None:
    assert terms_of(text) == terms


def test_a_long_word_is_indexed_by_its_beginning() -> None:
    assert terms_of("ab" * MAX_TERM_CHARS) == (("ab" * MAX_TERM_CHARS)[:MAX_TERM_CHARS],)


@pytest.mark.parametrize("letter", ["x", "é"])
def test_the_beginning_of_a_long_text_is_indexed(letter: str) -> None:
    assert terms_of(letter + " " * (MAX_INDEXED_CHARS - 2) + "a b") == terms_of(letter + " a")


def test_a_text_has_a_bounded_number_of_terms() -> None:
    terms = terms_of("".join(map(chr, range(0x4E00, 0x4E00 + 2 * MAX_TERMS))))

    assert len(terms) == MAX_TERMS
