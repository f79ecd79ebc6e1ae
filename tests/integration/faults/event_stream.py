"""Reads an event stream, strictly: anything that the contract does not allow is an error."""

import json
import re
from collections.abc import AsyncIterator

from attrs import frozen

from chatcore.conversations.parts import PartKind
from chatcore.ports.inference import RESERVED_KEYS

# At the end of the closing frame's id.
_END = b"-end"
_ID = re.compile(rb"[0-9]+(-[0-9]+)?")
_MOST_DIGITS = 1000
_FIELDS = frozenset({b"id", b"data"})


class MalformedStreamError(AssertionError):
    """The stream holds what it must not."""


@frozen(kw_only=True)
class StreamEvent:
    """One block: a comment, or a frame with its id."""

    raw: bytes
    comment: str | None = None
    #: How many code points the reader has then.
    id: int | None = None
    #: The id under which the reader comes back: with the number of the generation, from the second on.
    place: str | None = None
    #: The number of the generation that made the frame.
    generation: int | None = None
    data: dict[str, object] | None = None
    #: The data as it came.
    raw_data: str = ""

    @property
    def part(self) -> tuple[PartKind, str] | None:
        """Returns what the event adds to the log; None if it adds nothing."""
        for key, kind in (("token", PartKind.TEXT), ("reasoning", PartKind.REASONING)):
            if self.data and self.data.get(key):
                return kind, str(self.data[key])
        if self.data is None or not RESERVED_KEYS.isdisjoint(self.data):
            return None
        return PartKind.DATA, self.raw_data

    @property
    def token(self) -> str:
        """Returns the text that the event adds."""
        return str(self.data.get("token", "")) if self.data else ""

    @property
    def is_done(self) -> bool:
        """Returns whether the event closes the stream."""
        return bool(self.data and self.data.get("done"))

    @property
    def error(self) -> str | None:
        """Returns why the reply is not complete; None for other events."""
        return str(self.data["error"]) if self.data and "error" in self.data else None

    @property
    def rewind(self) -> int | None:
        """Returns how many code points the reader has to keep; None for other events."""
        kept = self.data.get("rewind") if self.data else None
        assert kept is None or isinstance(kept, int)
        return kept


async def events(chunks: AsyncIterator[bytes]) -> AsyncIterator[StreamEvent]:
    """Yields the events of a stream that ends its lines with LF; an unfinished one at the end is dropped.

    Raises:
        MalformedStreamError: it breaks the rules.
    """
    pending = b""
    async for received in chunks:
        pending += received
        *blocks, pending = pending.split(b"\n\n")
        for block in blocks:
            yield _event(block)


def _event(block: bytes) -> StreamEvent:
    raw = block + b"\n\n"
    if block.startswith(b":"):
        if b"\n" in block:
            raise MalformedStreamError(f"a comment and something else in one block: {block!r}")
        return StreamEvent(raw=raw, comment=block[1:].strip().decode())
    fields: dict[bytes, bytes] = {}
    for line in block.split(b"\n"):
        name, colon, value = line.partition(b":")
        if not colon or name not in _FIELDS or name in fields or b"\r" in line:
            raise MalformedStreamError(f"not a field of ours: {line!r}")
        fields[name] = value.removeprefix(b" ")
    if b"data" not in fields:
        raise MalformedStreamError(f"a frame without data: {block!r}")
    data = json.loads(fields[b"data"], parse_int=whole_number)
    if not isinstance(data, dict):
        raise MalformedStreamError(f"data that is no object: {block!r}")
    number, place, generation = _place(fields.get(b"id"))
    event = StreamEvent(
        raw=raw, id=number, place=place, generation=generation, data=data, raw_data=fields[b"data"].decode()
    )
    if event.id is not None and event.is_done is not fields[b"id"].endswith(_END):
        raise MalformedStreamError(f"an id of another frame: {block!r}")
    return event


def whole_number(digits: str) -> float:
    """Reads a whole number of any length, which a data part may have; Python refuses long ones."""
    return int(digits) if len(digits) < _MOST_DIGITS else float(digits)


def _place(value: bytes | None) -> tuple[int, str, int] | tuple[None, None, None]:
    if value is None:
        return None, None, None
    place = value.removesuffix(_END)
    if not _ID.fullmatch(place):
        raise MalformedStreamError(f"an id that is no place: {value!r}")
    number, _, generation = place.partition(b"-")
    return int(number), place.decode(), int(generation or 1)
