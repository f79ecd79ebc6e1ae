"""Tests that text which a reader takes for the same is folded to the same."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.search.folding import fold, kinds, sources


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CAFÉ", "cafe"),
        ("e\u0301", "é"),
        ("Łódź Øresund", "lodz oresund"),
        ("STRASSE", "straße"),
        ("İSTANBUL \u0131s\u0131", "istanbul isi"),
        ("ΟΔΟΣ", "οδός"),
        ("Ёлка", "елка"),
        ("שָׁלוֹם", "שלום"),
        ("مَدْرَسَةٌ", "مدرسة"),
        ("أحـــمد", "احمد"),
        ("می\u200cشود", "میشود"),
        ("ｶﾞｲﾄﾞ", "ガイド"),
        ("\uff21\uff22\uff11", "ab1"),
        ("don\u2019t — “so”", 'don\'t - "so"'),
        ("❤\ufe0f 👨\u200d👩", "❤ 👨👩"),
        ("co\u00adoperate", "cooperate"),
    ],
)
def test_what_looks_alike_is_folded_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("か", "が"), ("は", "ぱ"), ("नि", "न"), ("สี", "ส"), ("≠", "="), ("👍", "👎"), ("한", "하"), ("ä", "o")],
)
def test_marks_of_other_scripts_make_a_difference(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_words_have_letters_digits_and_marks_and_other_scripts_have_runs() -> None:
    assert kinds("ab1 _हि 北ข👍-½") == "www  ww nnn w"


@given(st.text())
def test_each_folded_character_stands_where_its_source_stands(text: str) -> None:
    origins = sources(text)

    assert len(origins) == len(fold(text))
    assert sorted(origins) == list(origins)
    assert all(fold(text[origin]) for origin in origins)


@given(st.text())
def test_folding_is_of_each_character_for_itself_and_once_is_enough(text: str) -> None:
    assert fold(text) == "".join(map(fold, text))
    assert fold(fold(text)) == fold(text)


def test_no_letter_of_unicode_vanishes_but_the_marks_of_arabic_that_stand_alone() -> None:
    letters = (chr(code) for code in range(sys.maxunicode) if unicodedata.category(chr(code))[0] in "LN")

    assert {unicodedata.name(char).split()[0] for char in letters if not fold(char)} == {"ARABIC"}
