"""Finds where a text can be cut without cutting through what a person sees as one character.

The rules are those for extended grapheme clusters in Unicode Standard Annex 29, as far as the categories of Python's
Unicode database go. Where the annex has a property that Python lacks, such as "pictographic", the rules here join more:
every boundary found here is one of the annex.
"""

import unicodedata

_ZWJ = "\u200d"
#: Characters that continue a cluster although their category does not say so: the joiners, the voiced sound marks of
#: half-width katakana, two vowels of Thai and Lao, and the modifiers of an emoji's skin tone.
_CONTINUING = frozenset({_ZWJ, "\u200c", "\uff9e", "\uff9f", "\u0e33", "\u0eb3", *map(chr, range(0x1F3FB, 0x1F400))})
_MARKS = frozenset({"Mn", "Me", "Mc"})
#: Characters that are shown with the one behind them: number signs of Arabic and Syriac, repha and the like.
_PREPENDED = frozenset(
    map(
        chr,
        [
            *range(0x0600, 0x0606),
            *(0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x0D4E, 0x110BD, 0x110CD, 0x111C2, 0x111C3, 0x1193F, 0x11941),
            *(0x113D1, 0x11A3A, *range(0x11A84, 0x11A8A), 0x11D46, 0x11F02),
        ],
    )
)
# The canonical combining class of a virama, which joins two consonants.
_VIRAMA = 9


def last_boundary(text: str, limit: int) -> int:
    """Returns the last position up to `limit`, in code points, at which the text can be cut; 0 if there is none."""
    return next((position for position in range(limit, 0, -1) if is_boundary(text, position)), 0)


def is_boundary(text: str, position: int) -> bool:
    """Returns whether the text can be cut before the code point at `position`."""
    if position in (0, len(text)):
        return True
    before, after = text[position - 1], text[position]
    if before == "\r":
        return after != "\n"
    return not (
        _continues(after)
        or before == _ZWJ
        or before in _PREPENDED
        or _is_half_of_flag(text, position)
        or _joins_hangul(before, after)
        or _joins_consonants(text, position)
    )


def _continues(char: str) -> bool:
    # Tags, which spell the flag of a region, have the category of a control character.
    return char in _CONTINUING or unicodedata.category(char) in _MARKS or "\U000e0020" <= char <= "\U000e007f"


def _is_half_of_flag(text: str, position: int) -> bool:
    """Returns whether the two regional indicators around a position are the two letters of one flag."""
    if not _is_regional(text[position]):
        return False
    start = position
    while start and _is_regional(text[start - 1]):
        start -= 1
    return (position - start) % 2 == 1


def _is_regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _joins_hangul(before: str, after: str) -> bool:
    """Returns whether two letters or syllables of Hangul make up one syllable."""
    kinds = {"L": ("L", "V", "LV", "LVT"), "LV": ("V", "T"), "V": ("V", "T"), "LVT": ("T",), "T": ("T",), "": ()}
    return _hangul_kind(after) in kinds[_hangul_kind(before)]


def _hangul_kind(char: str) -> str:
    """Returns which of the leading consonant (L), vowel (V) and trailing consonant (T) the character has."""
    if "\u1100" <= char <= "\u115f" or "\ua960" <= char <= "\ua97c":
        return "L"
    if "\u1160" <= char <= "\u11a7" or "\ud7b0" <= char <= "\ud7c6":
        return "V"
    if "\u11a8" <= char <= "\u11ff" or "\ud7cb" <= char <= "\ud7fb":
        return "T"
    if "\uac00" <= char <= "\ud7a3":
        return "LVT" if (ord(char) - 0xAC00) % 28 else "LV"
    return ""


def _joins_consonants(text: str, position: int) -> bool:
    """Returns whether a virama before a position joins the letter behind it to the letter before."""
    if unicodedata.category(text[position]) != "Lo":
        return False
    start = position
    while start and _continues(text[start - 1]):
        start -= 1
    return any(unicodedata.combining(mark) == _VIRAMA for mark in text[start:position])
