"""Defines the inference port."""

import json
from collections.abc import Callable, Mapping
from typing import Protocol

from attrs import frozen

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import DEFAULT_MODEL_TAG, FinishReason
from chatcore.conversations.parts import Part
from chatcore.replies.sampling import Sampling
from chatcore.user import UserId


@frozen(kw_only=True)
class InferenceRequest:
    """A request to a model for a reply."""

    #: The messages, oldest first, the message to be answered last. The adapter fits them into the service's limits.
    messages: tuple[HistoryMessage, ...]
    #: The instructions of the conversation, which the model is told before the messages; None if there are none. The
    #: adapter gives them to the service in the way that the service takes them.
    instructions: str | None = None
    sampling: Sampling
    #: The model of the conversation; `DEFAULT_MODEL_TAG` leaves the choice to the adapter.
    model_tag: str = DEFAULT_MODEL_TAG
    user_id: UserId
    #: The id of the trace, which is passed on to the service.
    trace_id: str | None = None
    #: The beginning of the model's own answer: the reply's text so far. The model sends only what follows the text. It
    #: is empty unless :attr:`Inference.can_continue`.
    so_far: str = ""


#: Most code points of what a model says that a reply cost.
MAX_USAGE_CHARS = 4096

#: The keys that have a meaning at the top of an object; an object with one of them is never a data part.
RESERVED_KEYS = frozenset({"token", "reasoning", "rewind", "error", "done"})


class Frame:
    """An event of our stream format, which readers receive unchanged.

    Our stream format is server-sent events. The data of an event is a JSON object: a string under ``token`` is the next
    piece of text, a string under ``reasoning`` the next piece of reasoning, and ``"done": true`` ends the reply. An
    object with none of the keys in :data:`RESERVED_KEYS` is a data part. Readers ignore everything else, such as other
    keys and comments.

    An adapter delivers frames of this format, whichever protocol its service speaks. The samosachaat protocol is this
    format, so a frame has exactly the bytes that the service sent; the adapter of another protocol composes the frame.

    The class does not use attrs, because a frame is made for every token, and plain slots cost half as much.
    """

    __slots__ = ("has_successor", "is_closing", "part", "raw", "token")

    def __init__(
        self,
        raw: bytes,
        token: str | None = None,
        *,
        part: Part | None = None,
        is_closing: bool = False,
        has_successor: bool = False,
    ) -> None:
        #: Every byte of the event, up to and including its blank line.
        self.raw = raw
        #: The text in the event, unrepaired (see :class:`chatcore.text.TextRepair`); None if the event carries none.
        self.token = token
        #: The next reasoning, unrepaired like the token, or a data part; None if the event carries neither.
        self.part = part
        #: Whether the event ends the reply.
        self.is_closing = is_closing
        #: Whether the next frame follows at once, because both arrived in one piece; both may be passed on together.
        self.has_successor = has_successor


class ClosingFrame(Frame):
    """Ends a reply, with what the model says about the whole reply."""

    __slots__ = ("finish_reason", "token_count", "usage")

    def __init__(
        self,
        raw: bytes,
        token: str | None = None,
        *,
        part: Part | None = None,
        finish_reason: FinishReason | None = None,
        usage: str | None = None,
        token_count: int | None = None,
    ) -> None:
        super().__init__(raw, token, part=part, is_closing=True)
        #: Why the model ended the reply; None if it does not say.
        self.finish_reason = finish_reason
        #: What the reply cost; see :func:`usage_json`. None if the model does not say.
        self.usage = usage
        #: How many tokens the model has sent; None if it does not say, and then the frames with text count.
        self.token_count = token_count


def usage_json(usage: Mapping[str, object]) -> str | None:
    """Returns what a model says that a reply cost as JSON.

    The result is None if it would be longer than MAX_USAGE_CHARS, nested too deeply, or have a number that JSON lacks.
    """
    try:
        written = json.dumps(usage, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return written if len(written) <= MAX_USAGE_CHARS else None


class Inference(Protocol):
    """Asks models for replies."""

    @property
    def can_continue(self) -> bool:
        """Returns whether the service can go on from the beginning of its own answer."""
        return False

    async def generate(self, request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
        """Calls `on_frame` with each frame, in order, as it arrives; returns after the closing frame.

        The adapter calls back and returns no iterator, so that no layer stands between the socket and the transcript:
        at a thousand streams, a relay would spend its time in layers of generators.

        The `raw` bytes of all frames together are a valid stream of our format. Data that the service sends after the
        end of the reply is ignored, and an unfinished event is dropped. No request is retried after its first frame.
        Cancelling the call closes the connection to the service.

        Raises:
            InferenceUnreachableError: no connection could be made.
            InferenceRefusedError: the service answered with an error or with data that is not a reply, an event or the
                whole reply is too large, or the model reported an error within its reply. After such an error no
                closing frame is passed on, unless the closing frame itself reports the error.
            InferenceTimeoutError: no connection, no first event with data, or no next event came in time.
            InferenceInterruptedError: the stream ended or broke without the end of the reply.
        """
        ...

    async def ping(self) -> None:
        """Returns when the inference service can be reached and accepts our own key.

        Raises:
            InferenceKeyRefusedError: the service refuses our own key.
            InferenceError: the service cannot be reached within a few seconds.
        """
        ...
