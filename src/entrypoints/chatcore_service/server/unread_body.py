"""Answers that arrive although the caller is still sending.

A connection that is closed while input waits is reset, and a reset takes the answer along: the caller's writing fails,
or what it has not read yet is gone. So the rest of what it sends is read and dropped, for so long and so much.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from attrs import frozen

from chatcore_service.server.chunked_writer import ChunkedWriter


@frozen(kw_only=True)
class Patience:
    """What may still come of a request that has been answered."""

    #: Without a byte.
    silent_seconds: float = 2.0
    #: In all.
    seconds: float = 10.0
    max_bytes: int = 16 * 1024 * 1024


class UnreadBody:
    """Counts what still comes, and calls `on_end` when it is too much, or takes too long."""

    __slots__ = ("_bytes_left", "_deadline", "_has_come", "_loop", "_on_end", "_patience", "_timer")

    def __init__(self, patience: Patience, loop: asyncio.AbstractEventLoop, on_end: Callable[[], object]) -> None:
        self._patience = patience
        self._loop = loop
        self._on_end = on_end
        self._bytes_left = 0
        self._deadline = 0.0
        self._has_come = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def are_expected(self) -> bool:
        """Whether a request that has been answered is not yet at its end."""
        return self._timer is not None

    def expect(self) -> None:
        """Something may still come; again does nothing."""
        if self._timer is None:
            self._bytes_left = self._patience.max_bytes
            self._deadline = self._loop.time() + self._patience.seconds
            self._listen()

    def drop(self, byte_count: int) -> None:
        """So many bytes came."""
        self._has_come = True
        self._bytes_left -= byte_count
        if self._bytes_left < 0:
            self._end()

    def forget(self) -> None:
        """Nothing comes any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _listen(self) -> None:
        self._has_come = False
        wait = min(self._patience.silent_seconds, self._deadline - self._loop.time())
        self._timer = self._loop.call_later(wait, self._look)

    def _look(self) -> None:
        if self._has_come and self._loop.time() < self._deadline:
            self._listen()
        else:
            self._end()

    def _end(self) -> None:
        self.forget()
        self._on_end()


class LingeringTransport(asyncio.Transport):
    """A transport that stops writing when it is closed in the middle of a body, and is closed a little later.

    It lets the head of an answer wait for what is written next in the same turn of the loop, which is nearly always the
    whole body: uvicorn writes one after the other, and a system call costs a tenth of a small answer.

    Args:
        transport: the real one.
        loop: the one it lives in.
        unread_body: what still comes; whoever receives it counts it.
        writer: which goes past this transport to the real one, and is closed with it.
    """

    __slots__ = (
        "_head",
        "_is_ending",
        "_loop",
        "_transport",
        "_unread_body",
        "_writer",
        "_written_bytes",
        "is_mid_body",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        unread_body: UnreadBody,
        writer: ChunkedWriter,
    ) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        # What waits for a body.
        self._head = b""
        self._unread_body = unread_body
        self._writer = writer
        self._is_ending = False
        self._written_bytes = 0
        #: Whether more input is to be expected now; whoever parses it knows.
        self.is_mid_body = False

    def close(self) -> None:
        """Writes no more; again closes at once."""
        if self.is_mid_body and not self._unread_body.are_expected:
            self.linger()
        else:
            self.close_now()

    def linger(self) -> None:
        """Writes no more, and is closed when the caller has gone, or when it takes too long."""
        self._send_head()
        self._is_ending = self._writer.is_closed = True
        # A body that nobody takes may have paused it.
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._unread_body.expect()

    def close_now(self) -> None:
        """As a transport does by itself."""
        self._send_head()
        self._writer.is_closed = True
        self._unread_body.forget()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether nothing can be written any more."""
        return self._is_ending or self._transport.is_closing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Drops it if it comes too late, as every transport does."""
        if self._is_ending:
            return
        self._written_bytes += len(data)
        if self._head:
            self._send_head(data)
        elif isinstance(data, bytes) and data.startswith(b"HTTP/1.") and data.endswith(b"\r\n\r\n"):
            self._head = data
            # It would overtake the head.
            self._writer.is_paused = True
            self._loop.call_soon(self._send_head)
        else:
            self._transport.write(data)

    def _send_head(self, data: bytes | bytearray | memoryview = b"") -> None:
        if self._head:
            head, self._head = self._head, b""
            # First: to write may have the protocol pause it.
            self._writer.is_paused = False
            self._transport.writelines((head, data))

    @property
    def taken_bytes(self) -> int:
        """How much the caller has taken of all that was written, but by the writer."""
        return self._written_bytes - self.get_write_buffer_size()

    def get_write_buffer_size(self) -> int:
        """How much the caller has not taken yet."""
        return len(self._head) + self._transport.get_write_buffer_size()

    def abort(self) -> None:
        """Closes without a word."""
        self._head = b""
        self._writer.is_closed = True
        self._transport.abort()

    def pause_reading(self) -> None:
        """For whoever cannot take more."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """The reverse."""
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's signature
        """Of the real one."""
        return self._transport.get_extra_info(name, default)
