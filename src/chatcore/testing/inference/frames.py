"""Tests the frames of replies, as a part of the inference contract."""

import asyncio

import pytest

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.ports.inference import Inference
from chatcore.replies.sampling import Sampling
from chatcore.testing.inference.script import InferenceScript, ReplyEnd, ScriptedReply, SeenGenerate
from chatcore.testing.inference.steps import PATIENCE_SECONDS, FrameCollector, a_request, cancel, generate
from chatcore.testing.inference.stream_format import events_of
from chatcore.testing.samples import AWKWARD_TEXT

#: A text that a careless writer of our stream format would change.
_AWKWARD_TOKENS = (
    "Hel",
    " ",
    '"}\n\ndata: {"done":true}\n\n',
    "\r\n: comment\r\rid: 7\n",
    "👩‍🚀 ü\u2028\u0085\x00\ufeff",
    "half of a pair \ud83d",
    "\ude00 the other half",
)


@pytest.mark.asyncio
class FramesContract:
    """Tests that frames of our stream format arrive in order and at once."""

    async def test_tokens_come_in_order_and_the_last_frame_closes(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.reply_with(ScriptedReply(tokens=("Hel", "lo")))

        received = await generate(inference)

        assert received.tokens == ["Hel", "lo"]
        assert received.is_complete

    async def test_the_request_arrives_as_it_was_made(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.reply_with(ScriptedReply())
        messages = (
            HistoryMessage(Role.USER, AWKWARD_TEXT),
            HistoryMessage(Role.ASSISTANT, "Hi"),
            HistoryMessage(Role.USER, "x" * 8000),
        )
        sampling = Sampling(temperature=0, max_tokens=1, top_k=200)

        await generate(inference, a_request(messages, sampling, trace_id="trace-1"))
        await generate(inference)

        first, second = inference_service.seen
        assert first == SeenGenerate(messages=messages, sampling=sampling, trace_id="trace-1")
        assert second.trace_id is None

    async def test_the_instructions_come_before_everything_else(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.reply_with(ScriptedReply())
        messages = (
            HistoryMessage(Role.USER, "Hello"),
            HistoryMessage(Role.ASSISTANT, "Hi"),
            HistoryMessage(Role.USER, "How are you?"),
        )

        await generate(inference, a_request(messages, instructions=AWKWARD_TEXT))

        (seen,) = inference_service.seen
        # Some services take instructions as a message of their own, others before the text of the first message.
        texts = [AWKWARD_TEXT, *(message.content for message in messages)]
        assert "\n\n".join(message.content for message in seen.messages) == "\n\n".join(texts)

    @pytest.mark.parametrize("packet_bytes", [None, 1, 3, 7])
    async def test_all_frames_together_are_a_stream_of_our_format(
        self, inference: Inference, inference_service: InferenceScript, packet_bytes: int | None
    ) -> None:
        inference_service.reply_with(ScriptedReply(tokens=_AWKWARD_TOKENS, packet_bytes=packet_bytes))

        received = await generate(inference)

        assert received.tokens == list(_AWKWARD_TOKENS)
        assert received.is_complete
        received.require_our_format()
        *before, last = events_of(received.raw)
        assert last["done"] is True
        assert not any(event.get("done") is True for event in before)

    async def test_many_frames_arrive_complete(self, inference: Inference, inference_service: InferenceScript) -> None:
        tokens = [f"token {number} " for number in range(5000)]
        inference_service.reply_with(ScriptedReply(tokens=tuple(tokens)))

        received = await generate(inference)

        assert received.tokens == tokens

    async def test_a_frame_is_passed_on_as_soon_as_it_arrives(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.reply_with(ScriptedReply(tokens=("Hel",), is_complete=False, end=ReplyEnd.SILENCE))
        received = FrameCollector()
        task = asyncio.create_task(inference.generate(a_request(), received))

        await asyncio.wait_for(received.has_token.wait(), PATIENCE_SECONDS)

        assert not task.done()
        assert received.tokens == ["Hel"]
        await cancel(task)

    @pytest.mark.parametrize("end", ReplyEnd)
    async def test_whatever_follows_the_end_of_the_reply_is_ignored(
        self, inference: Inference, inference_service: InferenceScript, end: ReplyEnd
    ) -> None:
        inference_service.reply_with(ScriptedReply(tokens=("Hel",), late="lo", end=end))

        received = await generate(inference)

        assert received.tokens == ["Hel"]
        assert received.is_complete

    @pytest.mark.parametrize("end", [ReplyEnd.BREAK, ReplyEnd.SILENCE])
    async def test_the_end_does_not_wait_for_the_service_to_hang_up(
        self, inference: Inference, inference_service: InferenceScript, end: ReplyEnd
    ) -> None:
        inference_service.reply_with(ScriptedReply(tokens=("Hel",), end=end))

        received = await generate(inference)

        assert received.tokens == ["Hel"]
        assert received.is_complete
