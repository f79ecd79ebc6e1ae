"""Disconnects callers that do not take the rest of a response that has ended."""

import asyncio

from chatcore_service.server.chunked_writer import ChunkedWriter
from chatcore_service.server.unread_body import LingeringTransport


class DeliveryWatch:
    """Aborts a connection when its caller takes no byte of the written responses for a while.

    Args:
        connection: the connection to watch.
        writer: the connection's direct writer, whose streams have a monitor of their own.
        seconds: the longest time without a byte taken.
        loop: the event loop of the connection.
    """

    __slots__ = ("_connection", "_loop", "_seconds", "_timer", "_writer")

    def __init__(
        self, connection: LingeringTransport, writer: ChunkedWriter, *, seconds: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._connection = connection
        self._writer = writer
        self._seconds = seconds
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Starts to watch if bytes wait to be taken. A call during a watch has no effect."""
        # A connection has one timer at a time, even if responses follow each other faster than the timer fires.
        if self._timer is None and self._connection.get_write_buffer_size():
            self._timer = self._loop.call_later(self._seconds, self._check, self._connection.taken_bytes)

    def stop(self) -> None:
        """Stops watching, because the connection is closed."""
        if self._timer is not None:
            self._timer.cancel()

    def _check(self, taken_before: int) -> None:
        self._timer = None
        # The stream monitor watches an open stream, whose writes are not counted here.
        has_progressed = self._writer.is_in_use or self._connection.taken_bytes != taken_before
        if self._connection.get_write_buffer_size() and not has_progressed:
            self._connection.abort()
        else:
            self.start()
