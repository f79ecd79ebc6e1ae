"""The inference contract: what arrives."""

import asyncio

import pytest

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.ports.inference import Inference
from chatcore.replies.sampling import Sampling
from chatcore.testing.inference.script import InferenceScript, ReplyEnd, SeenGenerate
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
from chatcore.testing.samples import AWKWARD_TEXT

#: Frames in all the forms that the event stream format allows, with the token that each carries.
_ODD_FRAMES: dict[bytes, str | None] = {
    b'data:{"token":"no space"}\n\n': "no space",
    b'data: {"token":"CRLF"}\r\n\r\n': "CRLF",
    b'event: message\nid: 7\nretry: 10\ndata: {"token":"fields"}\n\n': "fields",
    b'data: {"token":\ndata: "two lines"}\n\n': "two lines",
    'data: {"token":"👩‍🚀 ü\u2028\u0085"}\n\n'.encode(): "👩‍🚀 ü\u2028\u0085",
    b'data: {"token":"\\ud83d"}\n\n': "\ud83d",
    b'data: {"token":"\\ude00 \\u0000"}\n\n': "\ude00 \x00",
    b'data: {"gpu":0,"token":"other keys","nested":{"token":"inner","done":true}}\n\n': "other keys",
    b'data: {"gpu":0}\n\n': None,
    b'data: {"token":null}\n\n': None,
    b'data: {"token":5}\n\n': None,
    b'data: {"done":false}\n\n': None,
    b"data: [1, 2]\n\n": None,
    b"data: not JSON {\n\n": None,
    b"data:\n\n": None,
}


@pytest.mark.asyncio
class FramesContract:
    """Frames, byte for byte, as they come."""

    async def test_frames_come_in_order_and_the_last_one_closes(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.send(HEL, LO, DONE)

        received = await generate(inference)

        assert [frame.raw for frame in received.frames] == [HEL, LO, DONE]
        assert [frame.token for frame in received.frames] == ["Hel", "lo", None]
        assert [frame.is_closing for frame in received.frames] == [False, False, True]

    async def test_the_request_arrives_as_it_was_made(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.send(DONE)
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
        assert isinstance(second, SeenGenerate)
        assert second.trace_id is None

    @pytest.mark.parametrize("packet_bytes", [None, 1, 3, 7])
    async def test_frames_of_every_form_arrive_byte_for_byte(
        self, inference: Inference, inference_service: InferenceScript, packet_bytes: int | None
    ) -> None:
        inference_service.send(*_ODD_FRAMES, DONE, packet_bytes=packet_bytes)

        received = await generate(inference)

        assert received.raw == b"".join(_ODD_FRAMES) + DONE
        assert received.tokens == [token for token in _ODD_FRAMES.values() if token is not None]
        assert [frame.is_closing for frame in received.frames] == [*([False] * (len(received.frames) - 1)), True]

    async def test_comments_are_passed_on_too(self, inference: Inference, inference_service: InferenceScript) -> None:
        frames = (b": hello\n\n", HEL, b": still\n: here\n\n", b"\n", DONE)
        inference_service.send(*frames)

        received = await generate(inference)

        assert received.raw == b"".join(frames)
        assert received.tokens == ["Hel"]

    async def test_many_frames_arrive_complete(self, inference: Inference, inference_service: InferenceScript) -> None:
        tokens = [f"token {number} " for number in range(5000)]
        inference_service.send(*(token_frame(token) for token in tokens), DONE)

        received = await generate(inference)

        assert received.tokens == tokens

    async def test_a_frame_is_passed_on_as_soon_as_it_arrives(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.send(HEL, end=ReplyEnd.SILENCE)
        received = Receiver()
        task = asyncio.create_task(inference.generate(a_request(), received))

        await asyncio.wait_for(received.has_some.wait(), PATIENCE_SECONDS)

        assert not task.done()
        assert received.raw == HEL
        await cancel(task)

    @pytest.mark.parametrize("end", ReplyEnd)
    async def test_whatever_follows_the_closing_frame_is_ignored(
        self, inference: Inference, inference_service: InferenceScript, end: ReplyEnd
    ) -> None:
        inference_service.send(HEL, DONE, LO, DONE, end=end)

        assert (await generate(inference)).raw == HEL + DONE

    async def test_the_end_does_not_wait_for_the_service_to_hang_up(
        self, inference: Inference, inference_service: InferenceScript
    ) -> None:
        inference_service.send(HEL, DONE, end=ReplyEnd.SILENCE)

        assert (await generate(inference)).raw == HEL + DONE
