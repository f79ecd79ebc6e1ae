"""Tests the promises that hold without a service that a test controls, as a part of the inference contract."""

import asyncio
from contextlib import suppress

import pytest

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.ports.inference import Frame, Inference
from chatcore.replies.sampling import Sampling
from chatcore.testing.inference.steps import FrameCollector, a_request, generate
from chatcore.testing.samples import AWKWARD_TEXT

_HISTORIES = {
    "one message": (HistoryMessage(Role.USER, "Hello"),),
    "one character": (HistoryMessage(Role.USER, "?"),),
    "awkward text": (HistoryMessage(Role.USER, AWKWARD_TEXT),),
    "a long message": (HistoryMessage(Role.USER, "x" * 8000),),
    "a conversation": (
        HistoryMessage(Role.USER, "Hello"),
        HistoryMessage(Role.ASSISTANT, "Hi"),
        HistoryMessage(Role.USER, "How are you?"),
    ),
}


@pytest.mark.asyncio
class InProcessInferenceContract:
    """Tests adapters that have no service on a wire, such as a table of answers or a model in the same process.

    A subclass has the fixture `inference`, the adapter, which answers every request with a complete reply of at least
    one token within ten seconds.
    """

    @pytest.mark.parametrize("messages", _HISTORIES.values(), ids=_HISTORIES)
    async def test_a_reply_is_a_stream_of_our_format(
        self, inference: Inference, messages: tuple[HistoryMessage, ...]
    ) -> None:
        received = await generate(inference, a_request(messages))

        assert received.tokens
        assert received.is_complete
        received.require_our_format()

    @pytest.mark.parametrize(
        "sampling",
        [Sampling(temperature=0, max_tokens=1, top_k=0), Sampling(temperature=2, max_tokens=4096, top_k=200)],
        ids=["the least", "the most"],
    )
    @pytest.mark.parametrize("trace_id", [None, "trace-1"])
    async def test_every_permitted_request_is_answered(
        self, inference: Inference, sampling: Sampling, trace_id: str | None
    ) -> None:
        received = await generate(inference, a_request(sampling=sampling, trace_id=trace_id))

        assert received.is_complete

    async def test_a_request_with_instructions_is_answered(self, inference: Inference) -> None:
        received = await generate(inference, a_request(instructions="Answer in verse."))

        assert received.is_complete

    async def test_each_of_several_replies_at_once_is_complete(self, inference: Inference) -> None:
        replies = await asyncio.gather(*(generate(inference) for _ in range(10)))

        assert all(received.is_complete for received in replies)
        for received in replies:
            received.require_our_format()

    async def test_a_cancelled_call_ends_and_passes_on_no_more_frames(self, inference: Inference) -> None:
        received = FrameCollector()

        def on_frame(frame: Frame) -> None:
            received(frame)
            task.cancel()

        task = asyncio.create_task(inference.generate(a_request(), on_frame))
        with suppress(asyncio.CancelledError):
            await task
        frames = list(received.frames)
        for _ in range(10):
            await asyncio.sleep(0)

        # A call that never waits cannot be cancelled, and completes the reply.
        assert task.cancelled() or received.is_complete
        assert received.frames == frames

    async def test_a_reply_can_be_requested_after_a_cancelled_call(self, inference: Inference) -> None:
        task = asyncio.create_task(inference.generate(a_request(), FrameCollector()))
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

        assert (await generate(inference)).is_complete

    async def test_ping_returns_while_replies_can_be_requested(self, inference: Inference) -> None:
        await inference.ping()
