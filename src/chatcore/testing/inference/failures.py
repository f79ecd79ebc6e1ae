"""Tests failures, as a part of the inference contract."""

import asyncio

import pytest

from chatcore.errors import (
    InferenceInterruptedError,
    InferenceRefusedError,
    InferenceTimeoutError,
    InferenceUnreachableError,
)
from chatcore.ports.inference import Inference
from chatcore.testing.inference.script import InferenceScript, ReplyEnd, ScriptedReply
from chatcore.testing.inference.steps import PATIENCE_SECONDS, FrameCollector, a_request, cancel, generate


@pytest.mark.asyncio
class FailuresContract:
    """Tests replies that end early, silence, refusals and cancellation."""

    @pytest.mark.parametrize("end", [ReplyEnd.CLOSE, ReplyEnd.BREAK])
    @pytest.mark.parametrize("tokens", [(), ("Hel",), ("Hel", "lo")], ids=["no token", "one token", "two tokens"])
    async def test_an_end_without_a_closing_frame_is_an_interruption(
        self, inference: Inference, inference_service: InferenceScript, end: ReplyEnd, tokens: tuple[str, ...]
    ) -> None:
        inference_service.reply_with(ScriptedReply(tokens=tokens, is_complete=False, end=end))
        received = FrameCollector()

        with pytest.raises(InferenceInterruptedError):
            await generate(inference, received=received)

        assert received.tokens == list(tokens)
        received.require_our_format()

    @pytest.mark.parametrize("end", [ReplyEnd.CLOSE, ReplyEnd.BREAK])
    async def test_an_unfinished_event_at_the_end_is_dropped(
        self, inference: Inference, inference_service: InferenceScript, end: ReplyEnd
    ) -> None:
        inference_service.reply_with(ScriptedReply(tokens=("Hel",), is_complete=False, cut_off="lo", end=end))
        received = FrameCollector()

        with pytest.raises(InferenceInterruptedError):
            await generate(inference, received=received)

        assert received.tokens == ["Hel"]
        received.require_our_format()

    async def test_nothing_is_tried_again_after_the_first_frame(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.reply_with(ScriptedReply(tokens=("Hel",), is_complete=False, end=ReplyEnd.BREAK))

        with pytest.raises(InferenceInterruptedError):
            await generate(inference)

        assert len(inference_service.seen) == 1

    @pytest.mark.parametrize("tokens", [(), ("Hel",)], ids=["before the first token", "after a token"])
    async def test_silence_is_a_timeout(
        self, inference: Inference, inference_service: InferenceScript, tokens: tuple[str, ...]
    ) -> None:
        inference_service.reply_with(ScriptedReply(tokens=tokens, is_complete=False, end=ReplyEnd.SILENCE))
        received = FrameCollector()

        with pytest.raises(InferenceTimeoutError):
            await generate(inference, received=received)

        assert received.tokens == list(tokens)
        await asyncio.wait_for(inference_service.until_closed_early(), PATIENCE_SECONDS)

    async def test_no_answer_at_all_is_a_timeout(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.fall_silent()

        with pytest.raises(InferenceTimeoutError):
            await generate(inference)

    async def test_a_failed_connection_is_told_apart(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        await inference_service.go_away()

        with pytest.raises(InferenceUnreachableError):
            await generate(inference)

    @pytest.mark.parametrize("is_complete", [True, False], ids=["then the end", "no end"])
    @pytest.mark.parametrize("tokens", [(), ("Hel",)], ids=["before the first token", "after a token"])
    async def test_an_error_of_the_model_is_a_refusal_after_the_text_before_it(
        self, inference: Inference, inference_service: InferenceScript, tokens: tuple[str, ...], *, is_complete: bool
    ) -> None:
        inference_service.reply_with(ScriptedReply(tokens=tokens, error="out of memory", is_complete=is_complete))
        received = FrameCollector()

        with pytest.raises(InferenceRefusedError):
            await generate(inference, received=received)

        assert received.tokens == list(tokens)
        assert not any(frame.is_closing for frame in received.frames)
        received.require_our_format()

    async def test_an_error_is_a_refusal(self, inference: Inference, inference_service: InferenceScript) -> None:
        inference_service.answer_with_an_error()

        with pytest.raises(InferenceRefusedError):
            await generate(inference)

    async def test_what_is_no_reply_is_a_refusal(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.answer_with_something_else()

        with pytest.raises(InferenceRefusedError):
            await generate(inference)

    async def test_an_event_larger_than_is_sane_is_a_refusal(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.reply_with(ScriptedReply(tokens=("Hel", "x" * 16 * 1024 * 1024)))

        with pytest.raises(InferenceRefusedError):
            await generate(inference)

    async def test_cancelling_closes_the_connection(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.reply_with(ScriptedReply(tokens=("Hel",), is_complete=False, end=ReplyEnd.SILENCE))
        received = FrameCollector()
        task = asyncio.create_task(inference.generate(a_request(), received))
        await asyncio.wait_for(received.has_token.wait(), PATIENCE_SECONDS)

        await cancel(task)

        await asyncio.wait_for(inference_service.until_closed_early(), PATIENCE_SECONDS)

    async def test_replies_at_once_do_not_mix(self, inference: Inference, inference_service: InferenceScript) -> None:
        inference_service.reply_with(ScriptedReply(tokens=("Hel", "lo"), packet_bytes=5))

        replies = await asyncio.gather(*(generate(inference) for _ in range(20)))

        assert [received.tokens for received in replies] == [["Hel", "lo"]] * 20
        assert all(received.is_complete for received in replies)

    async def test_the_service_is_asked_again_after_a_failure(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.reply_with(ScriptedReply(tokens=("Hel",), is_complete=False, end=ReplyEnd.BREAK))
        with pytest.raises(InferenceInterruptedError):
            await generate(inference)

        inference_service.reply_with(ScriptedReply(tokens=("Hel",)))

        assert (await generate(inference)).tokens == ["Hel"]
