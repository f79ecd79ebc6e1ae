"""The direct writer: what a server offers to a stream beside ASGI, so that writing a token is one call."""

from collections.abc import Callable
from typing import Protocol

#: Where a server puts what cuts a connection off, in the scope of a request.
ABORT = "chatcore.abort"
#: Where it puts its :class:`DirectWriter`, if it has one.
DIRECT_WRITER = "chatcore.direct_writer"


class DirectWriter(Protocol):
    """The way to the caller without a wait, for use between the start and the end of a response."""

    __slots__ = ()

    def write(self, chunk: bytes) -> bool:
        """Sends part of a body if the caller is there and keeps up; returns whether it was sent."""
        ...

    def take_progress(self) -> bool:
        """Whether anything was sent since the last time this was asked."""
        ...

    def on_departure(self, call: Callable[[], None] | None) -> None:
        """Calls `call` when the caller goes away, at once if they have; None takes it back."""
        ...
