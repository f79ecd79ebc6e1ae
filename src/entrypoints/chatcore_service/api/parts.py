"""Encodes the parts of a long reply while its log is read."""

from collections.abc import Iterator

import orjson

from chatcore import Stretch
from chatcore.conversations.parts import PartKind

#: Most characters that are encoded at once. A control character takes six bytes of JSON.
MAX_CHARS = 16 * 1024


def json_text(text: str) -> Iterator[bytes]:
    """Encodes the inside of a JSON string in pieces."""
    for start in range(0, len(text), MAX_CHARS):
        yield orjson.dumps(text[start : start + MAX_CHARS])[1:-1]


class PartsEncoder:
    """Encodes the field `parts` of a message, with a comma before it, from the stretches of its log."""

    def __init__(self) -> None:
        #: Where the encoded stretches end in the log.
        self.length = 0
        # The kind of the part whose text is being encoded; None between two parts.
        self._kind: PartKind | None = None
        self._before = b',"parts":['

    def encode(self, stretch: Stretch) -> Iterator[bytes]:
        """Encodes the next stretch. Stretches of one kind that follow each other are one part, except data."""
        self.length = stretch.end_offset
        if stretch.kind is PartKind.DATA:
            yield self._ended() + b'{"type":"data","data":' + stretch.text.encode() + b"}"
        elif stretch.kind is self._kind:
            yield from json_text(stretch.text)
        else:
            yield self._ended() + b'{"type":"%b","text":"' % stretch.kind.encode()
            self._kind = stretch.kind
            yield from json_text(stretch.text)

    def end(self) -> bytes:
        """Encodes the end of the field."""
        return self._ended().removesuffix(b",") + b"]"

    def _ended(self) -> bytes:
        """Returns what comes before the next part."""
        before, self._before = self._before, b","
        if self._kind is None:
            return before
        self._kind = None
        return b'"}' + before
