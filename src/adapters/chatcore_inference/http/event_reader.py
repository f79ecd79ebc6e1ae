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

    #: Whether :meth:`read_document` can read anything.
    reads_documents: bool

    def read(self, raw: bytes, data: bytes) -> Frame | tuple[Frame, ...]:
        """Returns the frame for an event that carries data, or a tuple of its frames if there are none or several.

        The frame is an :class:`ErrorFrame` if the event reports an error that readers see as the service sent it. The
        method is called once for every token, so it must be quick.

        Args:
            raw: the event as it arrived, its blank line included.
            data: the event's data, not empty, with its lines joined by LF.

        Raises:
            InferenceRefusedError: the event reports an error that readers do not see.
        """
        ...

    def read_empty(self, raw: bytes) -> Frame | tuple[Frame, ...]:
        """Returns the frame for an event without data, such as a comment, or an empty tuple."""
        ...

    def read_end(self) -> tuple[Frame, ...]:
        """Returns the last frames when the stream ends; without a closing frame, the reply is not complete."""
        ...

    def read_document(self, status: int, document: bytes) -> tuple[Frame, ...]:
        """Returns the frames of a whole reply that came as one document where a stream was asked for.

        Raises:
            InferenceRefusedError: the document is no reply; the class of the error says why the service refuses.
        """
        ...
