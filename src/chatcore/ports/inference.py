"""The inference port."""

from collections.abc import Callable
from typing import Protocol

from attrs import frozen

from chatcore.conversations.history import HistoryMessage
from chatcore.replies.sampling import Sampling
from chatcore.user import UserId


@frozen(kw_only=True)
class InferenceRequest:
    """What a model is asked."""

    #: Oldest first, the message to be answered last. The adapter fits them into the inference service's limits.
    messages: tuple[HistoryMessage, ...]
    sampling: Sampling
    user_id: UserId
    #: Passed on to the inference service.
    trace_id: str | None = None


class Frame:
    """One SSE event as the inference service sent it.

    Not an attrs class: one is made for every token relayed, and plain slots cost half as much.
    """

    __slots__ = ("has_successor", "is_closing", "raw", "token")

    def __init__(
        self, raw: bytes, token: str | None = None, *, is_closing: bool = False, has_successor: bool = False
    ) -> None:
        #: Every byte that came, up to and including the blank line.
        self.raw = raw
        #: The text it carries, unrepaired (see :class:`chatcore.text.TextRepair`); None when it carries none.
        self.token = token
        #: Whether it says that the reply is at its end.
        self.is_closing = is_closing
        #: Whether the next frame follows at once, because both came in one piece: whoever passes frames on may wait for
        #: it, and pass on both together.
        self.has_successor = has_successor


class Inference(Protocol):
    """Asks models."""

    async def generate(self, request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
        """Calls `on_frame` with each frame, in order, as it arrives; returns after the closing frame.

        A callback and not an iterator, so that nothing stands between the socket and the transcript: at a
        thousand streams the generator layers are what a relay spends its time on.

        The concatenated `raw` of the frames is byte for byte what was received up to and including the closing
        frame. Whatever follows the closing frame is ignored; an unfinished frame at the end is dropped. Nothing
        is retried after the first frame. Cancelling closes the connection to the inference service.

        Raises:
            InferenceUnreachableError: no connection could be made.
            InferenceRefusedError: the service answered with an error or not with an event stream, or a frame or
                the whole reply is larger than is sane.
            InferenceTimeoutError: no connection, first frame or next token came in time.
            InferenceInterruptedError: the stream ended or broke without a closing frame.
        """
        ...

    async def ping(self) -> None:
        """Returns when the inference service can be reached.

        Raises:
            InferenceError: it can't, within a few seconds.
        """
        ...
