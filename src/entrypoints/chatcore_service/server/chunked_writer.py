"""The line of this server: chunks, written where uvicorn would write them."""

import asyncio
from collections.abc import Callable

from chatcore_service.streaming.direct_writer import DirectWriter


class ChunkedWriter(DirectWriter):
    """Writes chunks: a response without a Content-Length is always chunked.

    To write is what a token costs here. So it goes to the socket past all layers between, which say beforehand, by
    `is_paused` and `is_closed`, what they would do; and all that it looks at is in one place: with a thousand streams
    each object that it had to ask would have to come from memory.
    """

    __slots__ = ("_has_written", "_on_departure", "_write", "has_departed", "is_closed", "is_paused")

    def __init__(self, socket: asyncio.Transport) -> None:
        self._write = socket.write
        self._on_departure: Callable[[], None] | None = None
        self.has_departed = False
        # A count would cost a token more.
        self._has_written = False
        #: Whether the caller does not keep up.
        self.is_paused = False
        #: Whether nothing may be written any more.
        self.is_closed = False

    @property
    def is_in_use(self) -> bool:
        """Whether a stream goes this way."""
        return self._on_departure is not None

    def write(self, chunk: bytes) -> bool:
        """See :meth:`Line.write`."""
        if self.is_paused or self.is_closed:
            return False
        self._has_written = True
        write = self._write
        write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        return True

    def take_progress(self) -> bool:
        """See :meth:`Line.take_progress`."""
        has_written, self._has_written = self._has_written, False
        return has_written

    def on_departure(self, call: Callable[[], None] | None) -> None:
        """See :meth:`Line.on_departure`."""
        self._on_departure = call
        if self.has_departed:
            self.depart()

    def depart(self) -> None:
        """The connection is lost."""
        self.has_departed = self.is_closed = True
        if self._on_departure is not None:
            self._on_departure()
