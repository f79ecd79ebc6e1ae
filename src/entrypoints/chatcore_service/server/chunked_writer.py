"""The direct writer of this server: writes chunks of a response straight to the socket."""

import asyncio
from collections.abc import Callable

from chatcore_service.streaming.direct_writer import DirectWriter


class ChunkedWriter(DirectWriter):
    """Writes parts of a body in the chunked transfer coding, which every response without a Content-Length has.

    This is the hot path of a token, so it bypasses all layers above the socket. Those set `is_paused` and `is_closed`
    in advance, so that everything a write depends on is in this object: with a thousand streams, each further object
    would be a cache miss.
    """

    __slots__ = ("_has_written", "_on_departure", "_write", "has_departed", "is_closed", "is_paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._write = transport.write
        self._on_departure: Callable[[], None] | None = None
        #: Whether the connection is lost.
        self.has_departed = False
        # A flag, because a counter would cost more for each token.
        self._has_written = False
        #: Whether the caller does not keep up.
        self.is_paused = False
        #: Whether nothing may be written any more.
        self.is_closed = False

    @property
    def is_in_use(self) -> bool:
        """Whether a stream uses this writer."""
        return self._on_departure is not None

    def write(self, chunk: bytes) -> bool:
        """See :meth:`DirectWriter.write`."""
        if self.is_paused or self.is_closed:
            return False
        self._has_written = True
        write = self._write
        write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        return True

    def take_progress(self) -> bool:
        """See :meth:`DirectWriter.take_progress`."""
        has_written, self._has_written = self._has_written, False
        return has_written

    def on_departure(self, call: Callable[[], None] | None) -> None:
        """See :meth:`DirectWriter.on_departure`."""
        self._on_departure = call
        if self.has_departed:
            self.depart()

    def depart(self) -> None:
        """Closes the writer and notifies the stream: the connection is lost."""
        self.has_departed = self.is_closed = True
        if self._on_departure is not None:
            self._on_departure()
