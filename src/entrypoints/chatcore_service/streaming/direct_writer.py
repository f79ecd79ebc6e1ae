"""Defines the direct writer, an interface between server and stream beside ASGI: one call writes a token."""

from collections.abc import Callable
from typing import Protocol

#: Key in a request's scope under which a server puts a function that aborts the connection.
ABORT = "chatcore.abort"
#: Key in a request's scope under which a server puts a function that returns whether the caller sends no more. Only
#: writing shows whether such a caller still reads.
IS_HALF_CLOSED = "chatcore.is_half_closed"
#: Key in a request's scope under which a server puts its :class:`DirectWriter`, if the server has one.
DIRECT_WRITER = "chatcore.direct_writer"


class DirectWriter(Protocol):
    """Writes to the caller without waiting, between the start and the end of a response."""

    __slots__ = ()

    def write(self, chunk: bytes) -> bool:
        """Sends a chunk of a body if the caller is connected and keeps up; returns whether the chunk was sent."""
        ...

    def take_progress(self) -> bool:
        """Returns whether a chunk was sent since the last call."""
        ...

    def on_departure(self, call: Callable[[], None] | None) -> None:
        """Registers the call for the caller's disconnect; None unregisters it.

        If the caller has disconnected already, the call takes place at once.
        """
        ...
