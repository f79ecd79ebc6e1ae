"""Provides the steps that the tests of the inference contract share."""

import asyncio

import pytest

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.conversations.parts import PartKind
from chatcore.ports.inference import Frame, Inference, InferenceRequest
from chatcore.replies.sampling import Sampling
from chatcore.testing.inference.stream_format import events_of, is_whole, reasoning_of, tokens_of
from chatcore.testing.samples import ALICE

#: The longest time that a broken adapter can make a test wait.
PATIENCE_SECONDS = 10


class FrameCollector:
    """Collects the frames of a reply."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.has_token = asyncio.Event()

    def __call__(self, frame: Frame) -> None:
        self.frames.append(frame)
        if frame.token is not None:
            self.has_token.set()

    @property
    def raw(self) -> bytes:
        """Returns the bytes of all frames, as readers receive them."""
        return b"".join(frame.raw for frame in self.frames)

    @property
    def tokens(self) -> list[str]:
        """Returns the tokens of the frames."""
        return [frame.token for frame in self.frames if frame.token is not None]

    @property
    def is_complete(self) -> bool:
        """Returns whether the last frame, and no other, is the closing frame."""
        closing = [frame.is_closing for frame in self.frames]
        return closing == [False] * (len(closing) - 1) + [True]

    def require_our_format(self) -> None:
        """Fails unless the bytes of each frame, and of all frames together, agree with the attributes of the frames."""
        for frame in self.frames:
            assert tokens_of(frame.raw) == ([] if frame.token is None else [frame.token])
            assert any(event.get("done") is True for event in events_of(frame.raw)) is frame.is_closing
            assert is_whole(frame.raw)
            assert reasoning_of(frame.raw) == _reasoning_in(frame)
        assert tokens_of(self.raw) == self.tokens


def a_request(
    messages: tuple[HistoryMessage, ...] = (HistoryMessage(Role.USER, "Hello"),),
    sampling: Sampling | None = None,
    trace_id: str | None = None,
    *,
    instructions: str | None = None,
) -> InferenceRequest:
    """Returns a request with one message, unless the caller passes other messages."""
    return InferenceRequest(
        messages=messages,
        instructions=instructions,
        sampling=sampling or Sampling(),
        user_id=ALICE,
        trace_id=trace_id,
    )


async def generate(
    inference: Inference, request: InferenceRequest | None = None, *, received: FrameCollector | None = None
) -> FrameCollector:
    """Returns the frames of one call; fails if the call takes too long."""
    received = received or FrameCollector()
    await asyncio.wait_for(inference.generate(request or a_request(), received), PATIENCE_SECONDS)
    return received


def _reasoning_in(frame: Frame) -> list[str]:
    part = frame.part
    return [part.body] if part is not None and part.kind is PartKind.REASONING else []


async def cancel(task: "asyncio.Task[None]") -> None:
    """Cancels a task and waits for its end."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
