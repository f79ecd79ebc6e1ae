"""The inference contract: what goes wrong."""

import asyncio

import pytest

from chatcore.errors import (
    InferenceInterruptedError,
    InferenceRefusedError,
    InferenceTimeoutError,
    InferenceUnreachableError,
)
from chatcore.ports.inference import Inference
from chatcore.testing.inference.script import InferenceScript, ReplyEnd
from chatcore.testing.inference.steps import (
    DONE,
    HEL,
    LO,
    PATIENCE_SECONDS,
    Receiver,
    a_request,
    cancel,
    generate,
    token_frame,
)


@pytest.mark.asyncio
class FailuresContract:
    """Ends that are none, silence, refusals, and callers who give up."""

    @pytest.mark.parametrize("end", [ReplyEnd.CLOSE, ReplyEnd.BREAK])
    @pytest.mark.parametrize("frames", [(), (HEL,), (HEL, LO)], ids=["no frame", "one frame", "two frames"])
    async def test_an_end_without_a_closing_frame_is_an_interruption(
        self, inference: Inference, inference_service: InferenceScript, end: ReplyEnd, frames: tuple[bytes, ...]
    ) -> None:
        inference_service.send(*frames, end=end)
        received = Receiver()

        with pytest.raises(InferenceInterruptedError):
            await generate(inference, received=received)

        assert received.raw == b"".join(frames)

    @pytest.mark.parametrize("end", [ReplyEnd.CLOSE, ReplyEnd.BREAK])
    @pytest.mark.parametrize(
        "unfinished", [b'data: {"token":"lo"}', b'data: {"token":"lo"}\n', b'data: {"done":true}\n']
    )
    async def test_an_unfinished_frame_at_the_end_is_dropped(
        self, inference: Inference, inference_service: InferenceScript, end: ReplyEnd, unfinished: bytes
    ) -> None:
        inference_service.send(HEL, unfinished, end=end)
        received = Receiver()

        with pytest.raises(InferenceInterruptedError):
            await generate(inference, received=received)

        assert received.raw == HEL

    async def test_nothing_is_tried_again_after_the_firsttoken_frame(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.send(HEL, end=ReplyEnd.BREAK)

        with pytest.raises(InferenceInterruptedError):
            await generate(inference)

        assert len(inference_service.seen) == 1

    @pytest.mark.parametrize("frames", [(), (HEL,)], ids=["before the first frame", "after a token"])
    async def test_silence_is_a_timeout(
        self, inference: Inference, inference_service: InferenceScript, frames: tuple[bytes, ...]
    ) -> None:
        inference_service.send(*frames, end=ReplyEnd.SILENCE)
        received = Receiver()

        with pytest.raises(InferenceTimeoutError):
            await generate(inference, received=received)

        assert received.raw == b"".join(frames)
        await asyncio.wait_for(inference_service.until_closed_early(), PATIENCE_SECONDS)

    async def test_no_answer_at_all_is_a_timeout(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.fall_silent()

        with pytest.raises(InferenceTimeoutError):
            await generate(inference)

    async def test_no_connection_is_told_apart(self, inference: Inference, inference_service: InferenceScript) -> None:
        await inference_service.go_away()

        with pytest.raises(InferenceUnreachableError):
            await generate(inference)

    @pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
    async def test_an_error_is_a_refusal(
        self, inference: Inference, inference_service: InferenceScript, status: int
    ) -> None:
        inference_service.answer(status, b'{"detail":"no model is loaded"}', "application/json")

        with pytest.raises(InferenceRefusedError):
            await generate(inference)

    async def test_what_is_not_an_event_stream_is_a_refusal(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.answer(200, HEL + DONE, "application/json")

        with pytest.raises(InferenceRefusedError):
            await generate(inference)

    async def test_a_frame_larger_than_is_sane_is_a_refusal(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.send(HEL, token_frame("x" * 16 * 1024 * 1024), DONE)

        with pytest.raises(InferenceRefusedError):
            await generate(inference)

    async def test_cancelling_closes_the_connection(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.send(HEL, end=ReplyEnd.SILENCE)
        received = Receiver()
        task = asyncio.create_task(inference.generate(a_request(), received))
        await asyncio.wait_for(received.has_some.wait(), PATIENCE_SECONDS)

        await cancel(task)

        await asyncio.wait_for(inference_service.until_closed_early(), PATIENCE_SECONDS)

    async def test_replies_at_once_do_not_mix(self, inference: Inference, inference_service: InferenceScript) -> None:
        inference_service.send(HEL, LO, DONE, packet_bytes=5)

        received = await asyncio.gather(*(generate(inference) for _ in range(20)))

        assert [r.raw for r in received] == [HEL + LO + DONE] * 20

    async def test_the_service_is_asked_again_after_a_failure(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.send(HEL, end=ReplyEnd.BREAK)
        with pytest.raises(InferenceInterruptedError):
            await generate(inference)

        inference_service.send(HEL, DONE)

        assert (await generate(inference)).tokens == ["Hel"]
