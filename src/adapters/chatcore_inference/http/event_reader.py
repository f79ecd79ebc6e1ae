"""Defines the interface between the HTTP part, which receives events, and a protocol, which interprets them."""

from typing import Protocol

from chatcore.ports import Frame


class ErrorFrame(Frame):
    """Is a frame in which the model reports an error. The reply keeps its text, but is not complete."""

    __slots__ = ()


class EventReader(Protocol):
    """Turns the events of one reply into frames of our stream format.

    Each reply gets a reader of its own, so a reader may remember earlier events.
    """

    __slots__ = ()

    def read(self, raw: bytes, data: bytes) -> Frame:
        """Returns the frame for an event that carries data; an :class:`ErrorFrame` if the event reports an error.

        The method is called once for every token, so it must be quick.

        Args:
            raw: the event as it arrived, its blank line included.
            data: the event's data, not empty, with its lines joined by LF.
        """
        ...

    def read_empty(self, raw: bytes) -> Frame:
        """Returns the frame for an event without data, such as a comment."""
        ...
