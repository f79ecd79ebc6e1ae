"""Delivers responses to callers that are still sending a body, by reading and dropping the rest of the body.

A connection that is closed while input is unread is reset, and the reset destroys the response: the caller's write
fails, or the caller loses the bytes that it has not read yet. The rest of the body is read within limits of time and
size.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from attrs import frozen

from chatcore_service.http.upload import MAX_UPLOAD_BYTES
from chatcore_service.server.chunked_writer import ChunkedWriter


@frozen(kw_only=True)
class Patience:
    """The limits for the rest of a request that has a response already."""

    #: Longest time without a byte.
    silent_seconds: float = 2.0
    #: Longest time in total. A client that reads only after it has sent a file needs all of this time.
    seconds: float = 30.0
    #: Most bytes in total.
    max_bytes: int = MAX_UPLOAD_BYTES


class UnreadBody:
    """Counts the bytes of a body that the handler did not read, and calls `on_end` when the rest exceeds a limit."""

    __slots__ = ("_bytes_left", "_deadline", "_has_received", "_loop", "_on_end", "_patience", "_timer")

    def __init__(self, patience: Patience, loop: asyncio.AbstractEventLoop, on_end: Callable[[], object]) -> None:
        self._patience = patience
        self._loop = loop
        self._on_end = on_end
        self._bytes_left = 0
        self._deadline = 0.0
        self._has_received = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_expected(self) -> bool:
        """Returns whether the rest of a body is still to arrive after the response."""
        return self._timer is not None

    def expect(self) -> None:
        """Starts to wait for the rest of a body. A second call has no effect."""
        if self._timer is None:
            self._bytes_left = self._patience.max_bytes
            self._deadline = self._loop.time() + self._patience.seconds
            self._wait()

    def drop(self, byte_count: int) -> None:
        """Counts bytes that have arrived and that the protocol drops."""
        self._has_received = True
        self._bytes_left -= byte_count
        if self._bytes_left < 0:
            self._end()

    def forget(self) -> None:
        """Stops waiting, because the body has ended or the connection is closed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._has_received = False
        wait = min(self._patience.silent_seconds, self._deadline - self._loop.time())
        self._timer = self._loop.call_later(wait, self._check)

    def _check(self) -> None:
        if self._has_received and self._loop.time() < self._deadline:
            self._wait()
        else:
            self._end()

    def _end(self) -> None:
        self.forget()
        self._on_end()


class LingeringTransport(asyncio.Transport):
    """Wraps a transport, and delays a close in the middle of a request's body: at first, only writing stops.

    The wrapper also delays the head of a response until the next write in the same iteration of the event loop, which
    is nearly always the whole body. uvicorn writes head and body separately, and a system call costs a tenth of a small
    response.

    Args:
        transport: the wrapped transport.
        loop: the event loop of the transport.
        unread_body: the limits of the rest of a body, whose bytes the protocol counts.
        writer: the direct writer to the wrapped transport, which is closed with this transport.
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
        # `_head` is the head of a response that waits for its body.
        self._head = b""
        self._unread_body = unread_body
        self._writer = writer
        self._is_ending = False
        self._written_bytes = 0
        #: Whether the caller is in the middle of a body. The protocol sets the flag.
        self.is_mid_body = False

    def close(self) -> None:
        """Closes the transport; in the middle of a body, lingers first. A second call closes at once."""
        if self.is_mid_body and not self._unread_body.is_expected:
            self.linger()
        else:
            self.close_now()

    def linger(self) -> None:
        """Stops writing, and closes when the caller has disconnected or the rest of the body exceeds a limit."""
        self._send_head()
        self._is_ending = self._writer.is_closed = True
        # Reading may be paused, because the application has not read the body.
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._unread_body.expect()

    def close_now(self) -> None:
        """Closes the wrapped transport once all written bytes have been sent."""
        self._send_head()
        self._writer.is_closed = True
        self._unread_body.forget()
        self._transport.close()

    def is_closing(self) -> bool:
        """Returns whether writes are dropped."""
        return self._is_ending or self._transport.is_closing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Writes data; drops the data after the transport was closed."""
        if self._is_ending:
            return
        self._written_bytes += len(data)
        if self._head:
            self._send_head(data)
        elif isinstance(data, bytes) and data.startswith(b"HTTP/1.") and data.endswith(b"\r\n\r\n"):
            self._head = data
            # Without the pause, the direct writer would overtake the head.
            self._writer.is_paused = True
            self._loop.call_soon(self._send_head)
        else:
            self._transport.write(data)

    def _send_head(self, data: bytes | bytearray | memoryview = b"") -> None:
        if self._head:
            head, self._head = self._head, b""
            # The flag is cleared before the write, because the write may make the protocol set the flag.
            self._writer.is_paused = False
            self._transport.writelines((head, data))

    @property
    def taken_bytes(self) -> int:
        """Returns how many written bytes the caller has taken, without the direct writer's bytes."""
        return self._written_bytes - self.get_write_buffer_size()

    def get_write_buffer_size(self) -> int:
        """Returns how many bytes the caller has not taken yet."""
        return len(self._head) + self._transport.get_write_buffer_size()

    def abort(self) -> None:
        """Closes the transport at once and drops all bytes that were not sent."""
        self._head = b""
        self._writer.is_closed = True
        self._transport.abort()

    def pause_reading(self) -> None:
        """Delegates to the wrapped transport."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Delegates to the wrapped transport."""
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's signature
        """Delegates to the wrapped transport."""
        return self._transport.get_extra_info(name, default)
