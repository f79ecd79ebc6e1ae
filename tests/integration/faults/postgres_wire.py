"""As much of PostgreSQL's protocol as it takes to know which statement passes by."""

import asyncio
import struct

from attrs import Factory, define, frozen

#: The server is done with everything that was sent.
READY_FOR_QUERY = b"Z"
_CANCEL_REQUEST = 80877102
# What a driver sends before the Sync that asks for an answer: Parse, Bind, Describe, Execute, Close.
_PARTS_OF_A_BATCH = frozenset({b"P", b"B", b"D", b"E", b"C"})


@frozen
class WireMessage:
    """One message: its kind, and all of it as it was sent."""

    kind: bytes
    raw: bytes

    @property
    def is_part_of_batch(self) -> bool:
        """Returns whether the sender expects no answer before it has sent more."""
        return self.kind in _PARTS_OF_A_BATCH


async def read_message(reader: asyncio.StreamReader) -> WireMessage:
    """Returns the next message.

    Raises:
        asyncio.IncompleteReadError: the sender has closed.
    """
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!i", head[1:])
    return WireMessage(head[:1], head + await reader.readexactly(length - 4))


async def read_startup(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    """Returns the first message of a connection, which has no kind; and whether it only cancels another one's work.

    Encryption must be off: a client that asks for it first would be misread.
    """
    head = await reader.readexactly(8)
    length, code = struct.unpack("!ii", head)
    return head + await reader.readexactly(length - 8), code == _CANCEL_REQUEST


def query(statement: str) -> bytes:
    """Returns a message that has the server run `statement` (the simple protocol)."""
    body = statement.encode() + b"\0"
    return b"Q" + struct.pack("!i", len(body) + 4) + body


@define
class StatementTracker:
    """Knows what a connection's client is having executed, prepared statements included."""

    #: The statement that the latest messages execute; empty when they execute none.
    executing: str = ""
    _bound: str = ""
    _prepared: dict[bytes, str] = Factory(dict)

    def note(self, message: WireMessage) -> None:
        """Takes notice of the client's next message."""
        body = message.raw[5:]
        match message.kind:
            case b"P":
                name, statement, _ = body.split(b"\0", 2)
                self._prepared[name] = statement.decode()
            case b"B":
                _, name, _ = body.split(b"\0", 2)
                self._bound = self._prepared.get(name, "")
            case b"E":
                self.executing = self._bound
            case b"Q":
                self.executing = body[:-1].decode()
            case _:
                pass
