"""Checks and repairs text before it is stored, and limits its length.

Lengths are in Unicode code points. PostgreSQL cannot store U+0000, and UTF-8 cannot encode a lone surrogate. Text that
contains either is rejected if a person wrote it (:func:`require_text`) and repaired if a model wrote it
(:class:`TextRepair`).
"""

import unicodedata

from chatcore.errors import FieldProblem, InvalidInputError

MAX_CONTENT_CHARS = 8000
MAX_TITLE_CHARS = 500
MAX_MODEL_TAG_CHARS = 100
MAX_USER_ID_CHARS = 255

_REPLACEMENT = "\ufffd"

# Categories of characters that show nothing: controls, formats such as directions, and all kinds of spaces.
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
# Characters that show nothing although they are letters, marks or symbols: the grapheme joiner, fillers of Hangul,
# inherent vowels of Khmer, the empty Braille pattern, variation selectors, and ranges that are kept for more of them.
_INVISIBLE = frozenset(
    map(
        chr,
        [
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2065, 0x2800, 0x3164, 0xFFA0),
            *range(0xFE00, 0xFE10),
            *range(0xFFF0, 0xFFF9),
            *range(0xE0000, 0xE1000),
        ],
    )
)


def text_problem(text: str, *, max_chars: int) -> str | None:
    """Returns the problem of `text` as a sentence fragment to follow the text's name, or None if `text` is valid."""
    if not text:
        return "must not be empty"
    if len(text) > max_chars:
        return f"must be at most {max_chars} characters"
    if "\x00" in text:
        return "must not contain the character U+0000"
    if not is_encodable(text):
        return "must not contain lone surrogates"
    return None


def require_text(field: str, text: str, *, max_chars: int) -> str:
    """Returns `text` unchanged if it can be stored.

    Raises:
        InvalidInputError: `text` is empty, longer than `max_chars`, or cannot be stored.
    """
    problem = text_problem(text, max_chars=max_chars)
    if problem is not None:
        raise InvalidInputError(FieldProblem(field, problem))
    return text


def has_visible_text(text: str) -> bool:
    """Returns whether a person sees anything of `text`."""
    return bool(from_visible(text))


def from_visible(text: str) -> str:
    """Returns `text` from its first visible character on; the result is empty if a person sees nothing of `text`."""
    return next((text[index:] for index, char in enumerate(text) if _is_visible(char)), "")


def _is_visible(char: str) -> bool:
    return char not in _INVISIBLE and unicodedata.category(char) not in _INVISIBLE_CATEGORIES


def is_encodable(text: str) -> bool:
    """Returns whether UTF-8 can encode `text`, that is, whether it contains no surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class TextRepair:
    """Makes the tokens of a model storable, one after the other.

    JSON can escape one character as a surrogate pair, and a model can split the pair over two tokens. A high surrogate
    is held back until its low surrogate arrives. Unpaired surrogates and U+0000 become U+FFFD.
    """

    __slots__ = ("_high",)

    def __init__(self) -> None:
        self._high = ""

    def feed(self, token: str) -> str:
        """Returns the storable text that `token` adds, which is empty while a high surrogate is held back."""
        if not self._high and token.isascii() and "\x00" not in token:
            return token  # Nearly every token takes this branch, after two scans of a few bytes.
        text = self._high + token
        self._high = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._high = text[-1]
            text = text[:-1]
        return _storable(text)

    def flush(self) -> str:
        """Returns the rest at the end: U+FFFD for a high surrogate that was held back, otherwise empty text."""
        rest, self._high = self._high, ""
        return _REPLACEMENT if rest else ""


def _storable(text: str) -> str:
    # Decoding UTF-16 joins surrogate pairs and, with "replace", turns lone surrogates into U+FFFD.
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\x00", _REPLACEMENT)
