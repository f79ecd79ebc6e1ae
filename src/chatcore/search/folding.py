"""Folds text, so that what a reader takes for the same word is the same text.

Folded text has no difference of case or width, and no accents on Latin, Greek, Cyrillic, Hebrew and Arabic letters.
Marks of all other scripts stay, since they make other letters there. Invisible characters are left out, such as the
joiners between the parts of an emoji.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import chain, count, repeat

# The accents of the five scripts, and variation selectors.
_DROPPED = re.compile(
    r"[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f"
    r"\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u08ca-\u08e1\u08e3-\u08ff\u180b-\u180f\u1ab0-\u1aff"
    r"\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef]"
)
# Strokes, dots and quotation marks that Unicode does not decompose.
_PLAIN = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ħ": "h",
        "ŧ": "t",
        "\u0131": "i",
        "æ": "ae",
        "œ": "oe",
        **dict.fromkeys("\u2018\u2019\u201a\u02bc", "'"),
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    }
)
# Scripts without spaces between words, and Korean, whose particles are written onto the word.
_UNSPACED = re.compile(
    r"[\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u1b00-\u1b7f\u2e80-\u2fdf\u3005-"
    r"\u3007\u3021-\u3029\u3031-\u3035\u3038-\u30ff\u3100-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\ua4cf"
    r"\ua960-\ua97f\ua980-\ua9ff\uaa60-\uaadf\uac00-\ud7ff\uf900-\ufaff\U00016fe0-\U00018dff\U0001aff0-\U0001b2ff"
    r"\U00020000-\U0003ffff]"
)
_HANGUL_SYLLABLES = range(0xAC00, 0xD7A4)
_SKIN_TONES = range(0x1F3FB, 0x1F400)
# A text with every character of Unicode must not fill the memory.
_MOST_CACHED = 20_000

#: The kinds of folded characters: of a word, of a run without spaces, and of neither.
WORD, UNSPACED, OTHER = "w", "n", " "


class _PerCharacter(dict[int, str]):
    """Maps the number of each character to a text that is found once; serves `str.translate`."""

    def __init__(self, find: Callable[[str], str]) -> None:
        self._find = find

    def __missing__(self, code: int) -> str:
        found = self._find(chr(code))
        if len(self) < _MOST_CACHED:
            self[code] = found
        return found


def _folded_character(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf" or _DROPPED.match(char):
        return ""
    if ord(char) in _HANGUL_SYLLABLES:
        return char
    if category[0] in "LN":
        decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
        return _DROPPED.sub("", decomposed).translate(_PLAIN)
    # A sign such as ≠ is no accented letter.
    return char.translate(_PLAIN)


def _kind_of_character(char: str) -> str:
    category = unicodedata.category(char)
    if category == "So" or ord(char) in _SKIN_TONES:
        return UNSPACED
    if category[0] not in "LNM":
        return OTHER
    return UNSPACED if _UNSPACED.match(char) else WORD


_FOLDED = _PerCharacter(_folded_character)
_KINDS = _PerCharacter(_kind_of_character)


def fold(text: str) -> str:
    """Returns the text as it is compared."""
    return text.lower() if text.isascii() else text.translate(_FOLDED)


def kinds(folded: str) -> str:
    """Returns a text with the kind of each folded character: WORD, UNSPACED or OTHER."""
    return folded.translate(_KINDS)


def kind_at(folded: str, position: int) -> str:
    """Returns the kind of the character at a position, and OTHER outside of the text."""
    return _KINDS[ord(folded[position])] if 0 <= position < len(folded) else OTHER


def sources(text: str) -> Sequence[int]:
    """Returns for each character of the folded text where the character stands in `text` that it was made of."""
    if text.isascii() or all(len(_FOLDED[ord(char)]) == 1 for char in set(text)):
        return range(len(text))
    lengths = map(len, map(_FOLDED.__getitem__, map(ord, text)))
    return list(chain.from_iterable(map(repeat, count(), lengths)))
