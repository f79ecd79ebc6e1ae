"""Compares the boundaries between characters with those of the package `regex`, which has the tables of Unicode."""

import importlib
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.graphemes import is_boundary, last_boundary

regex: Any = importlib.import_module("regex")

#: Characters on which the rules depend, and the oldest version of Unicode that a supported Python knows.
SPECIAL = st.sampled_from(
    "a 1é\r\n\u200d\u200c\ufe0f\u20e3\u0301\u093f\u094d\u0915\u093c\u0bcd\u0b95\u0e33\u0e19\u0600\u061c\u00ad"
    "\u1100\u1161\u11a8\uac00\uac01\u1160\ua960\ud7b0\ud7cb🇩🇪🇫👩👧👍🏽🏴\U000e0067\U000e007f❤⚕♂字あ\uff76\uff9e\u0d4e\u0e40"
)
ANY = st.characters(exclude_categories=["Cs", "Cn"])
TEXTS = st.lists(SPECIAL | ANY, max_size=12).map("".join)


def boundaries(text: str) -> set[int]:
    return {0, *(match.end() for match in regex.finditer(r"\X", text))}


@given(TEXTS)
def test_every_boundary_is_one_of_the_standard(text: str) -> None:
    found = {position for position in range(len(text) + 1) if is_boundary(text, position)}

    assert found <= boundaries(text)


@pytest.mark.parametrize(
    "text",
    [
        "Hello, world! 123",
        "Zoë, naïve café e\u0301 o\u0323\u0302",
        "👩‍👩‍👧‍👦👍🏽❤️👨🏿‍⚕️🏴󠁧󠁢󠁥󠁮󠁧󠁿1️⃣a",
        "🇩🇪🇫🇷🇯🇵🇩",
        "a🇩🇪b🇫",
        "한국어 " + unicodedata.normalize("NFD", "한국어 각각"),
        "नमस्ते दुनिया क्षत्रिय",
        "বাংলা ভাষা",
        "สวัสดีชาวโลก น้ำ",
        "العربية مُحَمَّد",
        "עִבְרִית",
        "日本語のテキスト ｶﾞｷﾞ",
        "Tiếng Việt " + unicodedata.normalize("NFD", "Tiếng Việt"),
        "line\r\nline\rline\n",
    ],
    ids=ascii,
)
def test_common_text_has_all_boundaries_of_the_standard(text: str) -> None:
    assert {position for position in range(len(text) + 1) if is_boundary(text, position)} == boundaries(text)


@given(TEXTS, st.integers(0, 12))
def test_the_last_boundary_is_the_nearest_one(text: str, limit: int) -> None:
    limit = min(limit, len(text))

    end = last_boundary(text, limit)

    assert is_boundary(text, end)
    assert not any(is_boundary(text, position) for position in range(end + 1, limit + 1))
