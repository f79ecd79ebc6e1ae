"""Checks and repairs text before it is stored, and limits its length.

Lengths are in Unicode code points. PostgreSQL cannot store U+0000, and UTF-8 cannot encode a lone surrogate. Text that
contains either is rejected if a person wrote it (:func:`require_text`) and repaired if a model wrote it
(:class:`TextRepair`).
"""

import re

from chatcore.errors import FieldProblem, InvalidInputError

MAX_USER_ID_CHARS = 255

_REPLACEMENT = "\ufffd"

# Any character but the invisible ones: controls, spaces, joiners, directions and other formats, variation selectors,
# fillers of Hangul, inherent vowels of Khmer, the empty Braille pattern, annotations, tags, and ranges that Unicode
# reserves for such characters.
_VISIBLE = re.compile(
    r"[^\x00-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    r"\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
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
    """Returns whether `text` has a visible character."""
    return _VISIBLE.search(text) is not None


def from_visible(text: str) -> str:
    """Returns `text` from its first visible character on; the result is empty if `text` has none."""
    first = _VISIBLE.search(text)
    return "" if first is None else text[first.start() :]


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


def repaired(text: str) -> str:
    """Returns a whole text of somebody else's as it can be stored; nearly always, it is the text itself."""
    return text if "\x00" not in text and is_encodable(text) else _storable(text)


def _storable(text: str) -> str:
    # Decoding UTF-16 joins surrogate pairs and, with "replace", turns lone surrogates into U+FFFD.
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\x00", _REPLACEMENT)
