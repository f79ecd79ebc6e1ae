"""What the inference contract does again and again."""

import asyncio
import json

import pytest

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.ports.inference import Frame, Inference, InferenceRequest
from chatcore.replies.sampling import Sampling
from chatcore.testing.samples import ALICE

#: Bounds what a broken adapter can make a test wait.
PATIENCE_SECONDS = 10

DONE = b'data: {"done":true}\n\n'
HEL = b'data: {"token":"Hel","gpu":0}\n\n'
LO = b'data: {"token":"lo","gpu":0}\n\n'


class Receiver:
    """Collects frames."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.has_some = asyncio.Event()

    def __call__(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.has_some.set()

    @property
    def raw(self) -> bytes:
        return b"".join(frame.raw for frame in self.frames)

    @property
    def tokens(self) -> list[str]:
        return [frame.token for frame in self.frames if frame.token is not None]


def a_request(
    messages: tuple[HistoryMessage, ...] = (HistoryMessage(Role.USER, "Hello"),),
    sampling: Sampling | None = None,
    trace_id: str | None = None,
) -> InferenceRequest:
    """A request with one message, unless told otherwise."""
    return InferenceRequest(messages=messages, sampling=sampling or Sampling(), user_id=ALICE, trace_id=trace_id)


async def generate(
    inference: Inference, request: InferenceRequest | None = None, *, received: Receiver | None = None
) -> Receiver:
    """What one call hands over; fails when it takes for ever."""
    received = received or Receiver()
    await asyncio.wait_for(inference.generate(request or a_request(), received), PATIENCE_SECONDS)
    return received


async def cancel(task: "asyncio.Task[None]") -> None:
    """Cancels a task and waits for its end."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def token_frame(token: str) -> bytes:
    """A frame that carries a token."""
    return f"data: {json.dumps({'token': token})}\n\n".encode()
