"""The direct writer: an interface between server and stream beside ASGI, by which writing a token is one call."""

from collections.abc import Callable
from typing import Protocol

#: Key in a request's scope under which a server puts a function that aborts the connection.
ABORT = "chatcore.abort"
#: Key in a request's scope under which a server puts its :class:`DirectWriter`, if it has one.
DIRECT_WRITER = "chatcore.direct_writer"


class DirectWriter(Protocol):
    """Writes to the caller without waiting. It may be used between the start and the end of a response."""

    __slots__ = ()

    def write(self, chunk: bytes) -> bool:
        """Sends part of a body if the caller is connected and keeps up; returns whether it was sent."""
        ...

    def take_progress(self) -> bool:
        """Returns whether anything was sent since the last call."""
        ...

    def on_departure(self, call: Callable[[], None] | None) -> None:
        """Registers `call` for when the caller disconnects, and calls it at once if they have; None unregisters it."""
        ...
