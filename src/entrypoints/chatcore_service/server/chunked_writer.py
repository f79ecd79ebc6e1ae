"""Implements the direct writer, which writes chunks of a response straight to the socket."""

import asyncio
from collections.abc import Callable

from chatcore_service.streaming.direct_writer import DirectWriter


class ChunkedWriter(DirectWriter):
    """Writes parts of a body in the chunked transfer coding, which every response without a Content-Length has.

    Every token takes this path, so the writer bypasses all layers above the socket. Those layers set `is_paused` and
    `is_closed` in advance, so that all state of a write is in this object: with a thousand streams, each further object
    would be a cache miss.
    """

    __slots__ = ("_has_written", "_on_departure", "_write", "has_departed", "is_closed", "is_paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._write = transport.write
        self._on_departure: Callable[[], None] | None = None
        #: Whether the connection is lost.
        self.has_departed = False
        # The progress is a flag, because a counter would cost more for each token.
        self._has_written = False
        #: Whether the caller does not keep up.
        self.is_paused = False
        #: Whether writes are no longer allowed.
        self.is_closed = False

    @property
    def is_in_use(self) -> bool:
        """Returns whether a stream uses this writer."""
        return self._on_departure is not None

    def write(self, chunk: bytes) -> bool:
        """Writes a chunk unless the writer is paused or closed; returns whether the chunk was written."""
        if self.is_paused or self.is_closed:
            return False
        self._has_written = True
        write = self._write
        write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        return True

    def take_progress(self) -> bool:
        """Returns whether a chunk was written since the last call."""
        has_written, self._has_written = self._has_written, False
        return has_written

    def on_departure(self, call: Callable[[], None] | None) -> None:
        """Registers the call for the loss of the connection; calls it at once if the connection is already lost."""
        self._on_departure = call
        if self.has_departed:
            self.depart()

    def depart(self) -> None:
        """Closes the writer and notifies the stream, because the connection is lost."""
        self.has_departed = self.is_closed = True
        if self._on_departure is not None:
            self._on_departure()
