"""The inference port."""

from collections.abc import Callable
from typing import Protocol

from attrs import frozen

from chatcore.conversations.history import HistoryMessage
from chatcore.replies.sampling import Sampling
from chatcore.user import UserId


@frozen(kw_only=True)
class InferenceRequest:
    """Asks a model for a reply."""

    #: Oldest first, the message to be answered last. The adapter fits them into the inference service's limits.
    messages: tuple[HistoryMessage, ...]
    sampling: Sampling
    user_id: UserId
    #: Is passed on to the service.
    trace_id: str | None = None


class Frame:
    """One event of our stream format, which readers get as it is.

    Our stream format is server-sent events. The data of an event is a JSON object: a string under ``token`` is the next
    piece of text, and ``"done": true`` ends the reply. Readers ignore everything else, such as other keys and comments.

    The adapter hands over frames of this format whatever its service speaks. For the samosachaat protocol, which is
    this format, a frame is byte for byte what the service sent; the adapter of another protocol writes it.

    Not an attrs class, because one is made for every token and plain slots cost half as much.
    """

    __slots__ = ("has_successor", "is_closing", "raw", "token")

    def __init__(
        self, raw: bytes, token: str | None = None, *, is_closing: bool = False, has_successor: bool = False
    ) -> None:
        #: Every byte of the event, up to and including its blank line.
        self.raw = raw
        #: The text in the event, unrepaired (see :class:`chatcore.text.TextRepair`); None when it carries none.
        self.token = token
        #: Whether the event ends the reply.
        self.is_closing = is_closing
        #: Whether the next frame follows at once, because both came in one piece; they may be passed on together.
        self.has_successor = has_successor


class Inference(Protocol):
    """Asks models for replies."""

    async def generate(self, request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
        """Calls `on_frame` with each frame, in order, as it arrives; returns after the closing frame.

        The adapter calls back and returns no iterator, so that nothing stands between the socket and the transcript:
        at a thousand streams, layers of generators are what a relay spends its time on.

        All `raw` together are a valid stream of our format. What the service sends after the end of the reply is
        ignored, and an event that it leaves unfinished is dropped. Nothing is tried again after the first frame.
        Cancelling closes the connection to the service.

        Raises:
            InferenceUnreachableError: no connection could be made.
            InferenceRefusedError: the service answered with an error or with something that is no reply, or an event
                or the whole reply is larger than is sane.
            InferenceTimeoutError: no connection, first event with data or next one came in time.
            InferenceInterruptedError: the stream ended or broke without the end of the reply.
        """
        ...

    async def ping(self) -> None:
        """Returns when the inference service can be reached.

        Raises:
            InferenceError: the service cannot be reached within a few seconds.
        """
        ...
