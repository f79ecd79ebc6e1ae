"""Tests what OpenAI-compatible servers send beyond the protocol, over real sockets."""

import json
from collections.abc import AsyncIterator

import pytest
import structlog.testing
from tests.integration.adapters.chatcore_inference.inference_requests import REQUEST, failure_of, text_of
from tests.integration.adapters.chatcore_inference.protocols.openai.openai_server import DONE, OpenAiServer, event
from tests.integration.inference_server import (
    CLOSE_DELIMITED_HEAD,
    STREAM_HEAD,
    answer,
    chunk,
    hang,
    packets,
    reset,
    stream,
)

from chatcore.conversations.message import FinishReason
from chatcore.errors import (
    ContextTooLongError,
    InferenceInterruptedError,
    InferenceKeyRefusedError,
    InferenceRefusedError,
    InferenceTimeoutError,
)
from chatcore.ports import Frame
from chatcore.ports.inference import ClosingFrame
from chatcore_inference import Continuation, InferenceClient, InferenceLimits, InferenceTimeouts, OpenAiProtocol

HEL, LO, STOP = event({"content": "Hel"}), event({"content": "lo"}), event({}, "stop")
TIMEOUTS = InferenceTimeouts(first_frame_seconds=1, idle_seconds=0.5, answer_seconds=1, ping_seconds=1)
LIMITS = InferenceLimits(max_frame_bytes=2000)


@pytest.fixture
async def server() -> AsyncIterator[OpenAiServer]:
    async with OpenAiServer() as server:
        yield server


@pytest.fixture
async def client(server: OpenAiServer) -> AsyncIterator[InferenceClient]:
    protocol = OpenAiProtocol(continuation=Continuation.PREFILL)
    async with InferenceClient(
        f"{server.base_url}/v1", "sk-1", timeouts=TIMEOUTS, limits=LIMITS, protocol=protocol
    ) as client:
        yield client


async def frames_of(client: InferenceClient) -> list[Frame]:
    frames: list[Frame] = []
    await client.generate(REQUEST, frames.append)
    return frames


@pytest.mark.parametrize(
    "comment", [b": OPENROUTER PROCESSING\n\n", b":\n\n", b": a\n: b\n\n", b"\n", b"event: ping\n\n"]
)
async def test_comments_that_keep_the_connection_alive_are_no_frames(
    server: OpenAiServer, client: InferenceClient, comment: bytes
) -> None:
    server.completing(stream(comment, HEL, comment + LO + comment, STOP, comment, DONE))

    assert [frame.token for frame in await frames_of(client)] == ["Hel", "lo", None]


async def test_lines_may_end_with_crlf(server: OpenAiServer, client: InferenceClient) -> None:
    events = [each.replace(b"\n", b"\r\n") for each in (HEL, LO, STOP, DONE)]
    server.completing(stream(*events))

    frames = await frames_of(client)

    assert b"".join(frame.raw for frame in frames) == (
        b'data: {"token":"Hel"}\n\ndata: {"token":"lo"}\n\ndata: {"done":true,"finish_reason":"stop"}\n\n'
    )


async def test_chunks_that_arrive_together_stay_in_order(server: OpenAiServer, client: InferenceClient) -> None:
    both = event({"reasoning": "Hm", "content": "Hel"})
    server.completing(stream(both + both + LO + STOP + DONE))

    frames = await frames_of(client)

    assert [frame.token for frame in frames] == [None, "Hel", None, "Hel", "lo", None]
    assert [frame.has_successor for frame in frames] == [True] * 5 + [False]


@pytest.mark.parametrize("end", [hang, reset])
async def test_a_reply_whose_reason_to_end_is_known_is_complete_however_the_stream_ends(
    server: OpenAiServer, client: InferenceClient, end: object
) -> None:
    server.completing(packets(STREAM_HEAD, chunk(HEL + STOP), then=end))  # type: ignore[arg-type]

    *_, closing = await frames_of(client)

    assert isinstance(closing, ClosingFrame)
    assert closing.finish_reason is FinishReason.STOP


async def test_a_stream_that_the_end_of_the_connection_ends_needs_no_done(
    server: OpenAiServer, client: InferenceClient
) -> None:
    server.completing(packets(CLOSE_DELIMITED_HEAD, HEL + LO + STOP))

    assert await text_of(client) == "Hello"


async def test_an_end_without_done_and_without_a_reason_is_an_interruption(
    server: OpenAiServer, client: InferenceClient
) -> None:
    server.completing(packets(CLOSE_DELIMITED_HEAD, HEL + LO))

    frames, error = await failure_of(client)

    assert len(frames) == 2
    assert isinstance(error, InferenceInterruptedError)


async def test_the_text_before_an_error_is_kept(server: OpenAiServer, client: InferenceClient) -> None:
    server.completing(stream(HEL + b'data: {"error":{"code":502,"message":"secret"}}\n\n' + DONE))

    frames, error = await failure_of(client)

    assert frames == [b'data: {"token":"Hel"}\n\n']
    assert type(error) is InferenceRefusedError
    assert "secret" not in str(error)


# -- Answers that are no stream ----------------------------------------------------------------------------------------


def completion(content: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return json.dumps({"object": "chat.completion", "choices": [choice], "usage": {"completion_tokens": 2}}).encode()


async def test_a_json_answer_is_a_whole_reply(server: OpenAiServer, client: InferenceClient) -> None:
    server.completing(answer(200, completion("Hello")))

    text, usage, closing = await frames_of(client)

    assert text.raw == b'data: {"token":"Hello"}\n\n'
    assert usage.raw == b'data: {"usage":{"completion_tokens":2}}\n\n'
    assert isinstance(closing, ClosingFrame)
    assert (closing.finish_reason, closing.token_count) == (FinishReason.STOP, 2)


async def test_a_json_answer_is_held_to_the_limit_of_an_event(server: OpenAiServer, client: InferenceClient) -> None:
    server.completing(answer(200, completion("x" * 2000)))

    frames, error = await failure_of(client)

    assert frames == []
    assert isinstance(error, InferenceRefusedError)


async def test_a_json_answer_that_never_comes_is_a_timeout(server: OpenAiServer, client: InferenceClient) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    server.completing(packets(head, then=hang))

    assert isinstance((await failure_of(client))[1], InferenceTimeoutError)


async def test_a_compressed_answer_is_not_read(server: OpenAiServer, client: InferenceClient) -> None:
    server.completing(answer(200, completion("Hello"), "application/json", b"Content-Encoding: gzip"))

    assert isinstance((await failure_of(client))[1], InferenceRefusedError)


@pytest.mark.parametrize("status", [400, 413, 422, 500])
async def test_a_conversation_that_is_too_long_is_told_apart(
    server: OpenAiServer, client: InferenceClient, status: int
) -> None:
    server.completing(answer(status, b'{"error":{"message":"no","code":"context_length_exceeded"}}'))

    assert isinstance((await failure_of(client))[1], ContextTooLongError)


@pytest.mark.parametrize("status", [400, 404, 429, 500, 502, 503, 529])
@pytest.mark.parametrize("body", [b'{"error":{"message":"secret"}}', b"<html>secret", b""])
async def test_any_other_refusal_is_an_error_of_the_service(
    server: OpenAiServer, client: InferenceClient, status: int, body: bytes
) -> None:
    server.completing(answer(status, body, "application/json", b"Retry-After: 7"))

    with structlog.testing.capture_logs() as lines:
        frames, error = await failure_of(client)

    assert frames == []
    assert type(error) is InferenceRefusedError
    assert error.retry_after_seconds == 7
    assert "secret" not in str(error)
    assert [(line["event"], line["status"], line["retry_after"]) for line in lines] == [
        ("inference_refused", status, 7)
    ]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_of_our_key_is_not_passed_on(
    server: OpenAiServer, client: InferenceClient, status: int
) -> None:
    server.completing(answer(status, b'{"error":{"message":"context_length_exceeded","code":"invalid_api_key"}}'))

    with structlog.testing.capture_logs() as lines:
        frames, error = await failure_of(client)

    assert frames == []
    assert type(error) is InferenceKeyRefusedError
    assert [(line["log_level"], line["status"]) for line in lines] == [("error", status)]


async def test_another_of_our_keys_is_tried_when_the_first_is_refused(server: OpenAiServer) -> None:
    refusing = answer(401, b"{}")
    serving = stream(HEL, LO, STOP, DONE)
    server.completing(lambda call: (serving if "new" in call.request.headers["authorization"] else refusing)(call))

    async with InferenceClient(f"{server.base_url}/v1", "sk-old,sk-new", protocol=OpenAiProtocol()) as client:
        assert await text_of(client) == "Hello"
