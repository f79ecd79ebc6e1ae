"""Provides the steps that the tests of the inference contract share."""

import asyncio

import pytest

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.ports.inference import Frame, Inference, InferenceRequest
from chatcore.replies.sampling import Sampling
from chatcore.testing.inference.stream_format import events_of, tokens_of
from chatcore.testing.samples import ALICE

#: Bounds what a broken adapter can make a test wait.
PATIENCE_SECONDS = 10


class FrameCollector:
    """Collects frames."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.has_token = asyncio.Event()

    def __call__(self, frame: Frame) -> None:
        self.frames.append(frame)
        if frame.token is not None:
            self.has_token.set()

    @property
    def raw(self) -> bytes:
        """What readers of the frames get."""
        return b"".join(frame.raw for frame in self.frames)

    @property
    def tokens(self) -> list[str]:
        """The tokens of the frames."""
        return [frame.token for frame in self.frames if frame.token is not None]

    @property
    def is_complete(self) -> bool:
        """Whether the last frame, and no other, is the closing one."""
        closing = [frame.is_closing for frame in self.frames]
        return closing == [False] * (len(closing) - 1) + [True]

    def require_our_format(self) -> None:
        """Fails unless each frame says in our stream format what its attributes say, and so do all together."""
        for frame in self.frames:
            assert tokens_of(frame.raw) == ([] if frame.token is None else [frame.token])
            assert any(event.get("done") is True for event in events_of(frame.raw)) is frame.is_closing
            assert frame.raw.endswith((b"\n\n", b"\r\n\r\n", b"\r\r", b"\n"))
        assert tokens_of(self.raw) == self.tokens


def a_request(
    messages: tuple[HistoryMessage, ...] = (HistoryMessage(Role.USER, "Hello"),),
    sampling: Sampling | None = None,
    trace_id: str | None = None,
) -> InferenceRequest:
    """Returns a request with one message, unless told otherwise."""
    return InferenceRequest(messages=messages, sampling=sampling or Sampling(), user_id=ALICE, trace_id=trace_id)


async def generate(
    inference: Inference, request: InferenceRequest | None = None, *, received: FrameCollector | None = None
) -> FrameCollector:
    """Returns what one call hands over; fails when it takes for ever."""
    received = received or FrameCollector()
    await asyncio.wait_for(inference.generate(request or a_request(), received), PATIENCE_SECONDS)
    return received


async def cancel(task: "asyncio.Task[None]") -> None:
    """Cancels a task and waits for its end."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
