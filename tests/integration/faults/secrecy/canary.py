"""A secret that can be told from everything else, in whatever form it gets out."""

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Iterator

from attrs import field, frozen

#: So many characters of it in a row give it away.
TRACE_CHARS = 12


def _windows(text: str) -> Iterator[str]:
    return (text[start : start + TRACE_CHARS] for start in range(len(text) - TRACE_CHARS + 1))


def _encoded_in_the_middle(value: bytes) -> Iterator[str]:
    # What base64 makes of it depends on where it begins, and of its ends on what stands around.
    for before in range(3):
        encoded = b64encode(b"\0" * before + value).decode()
        yield encoded[4 if before else 0 : -4]


def _traces(value: str) -> frozenset[str]:
    data = value.encode()
    digests = [hashlib.new(name, data) for name in ("md5", "sha1", "sha256", "sha512")]
    forms = [value, value[::-1], data.hex(), *_encoded_in_the_middle(data)]
    beginnings = [digest.hexdigest() for digest in digests] + [
        b64encode(digest.digest()).decode() for digest in digests
    ]
    return frozenset(window for form in forms for window in _windows(form)) | {
        beginning[:TRACE_CHARS] for beginning in beginnings
    }


@frozen
class Canary:
    """One secret; `name` says what it stands for."""

    name: str
    value: str = field(factory=lambda: secrets.token_hex(20))
    _found_by: frozenset[str] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_found_by", _traces(self.value))

    def is_in(self, text: str) -> bool:
        """Returns whether `text` has a part of the canary: plain, backwards, in hexadecimal, in base64, or hashed."""
        return any(trace in text for trace in self._found_by)
