"""What text may be stored, and how long each kind may be.

A character is a Unicode code point throughout. PostgreSQL cannot hold U+0000, and a lone surrogate is no
character at all (UTF-8 cannot encode it), so text with either is refused where a person wrote it
(:func:`require_text`) and repaired where a model did (:class:`TextRepair`).
"""

from chatcore.errors import FieldProblem, InvalidInputError

MAX_CONTENT_CHARS = 8000
MAX_TITLE_CHARS = 500
MAX_MODEL_TAG_CHARS = 100
MAX_USER_ID_CHARS = 255

_REPLACEMENT = "\ufffd"


def text_problem(text: str, *, max_chars: int) -> str | None:
    """What is wrong with `text`, as a fragment that follows its name; None when nothing is."""
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
    """Returns `text` unchanged.

    Raises:
        InvalidInputError: it is empty, longer than `max_chars`, or cannot be stored.
    """
    problem = text_problem(text, max_chars=max_chars)
    if problem is not None:
        raise InvalidInputError(FieldProblem(field, problem))
    return text


def is_encodable(text: str) -> bool:
    """Whether UTF-8 can encode `text`, that is, whether it holds no surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class TextRepair:
    """Makes a model's tokens storable, one after the other.

    JSON may carry one character as two escapes (a surrogate pair), and a model may put the halves into two
    tokens. A high half waits for its low half; what never finds its other half, and U+0000, becomes U+FFFD.
    """

    __slots__ = ("_high",)

    def __init__(self) -> None:
        self._high = ""

    def feed(self, token: str) -> str:
        """The storable text that `token` adds; may be empty while half a character waits."""
        if not self._high and token.isascii() and "\x00" not in token:
            return token  # Nearly every token: two scans of a few bytes.
        text = self._high + token
        self._high = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._high = text[-1]
            text = text[:-1]
        return _storable(text)

    def flush(self) -> str:
        """What is left at the end: U+FFFD for half a character that waited, else nothing."""
        rest, self._high = self._high, ""
        return _REPLACEMENT if rest else ""


def _storable(text: str) -> str:
    # UTF-16 joins pairs of surrogates and, with "replace", turns lone ones into U+FFFD.
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\x00", _REPLACEMENT)
