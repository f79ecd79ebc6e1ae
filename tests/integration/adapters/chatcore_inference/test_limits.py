"""Tests the limits of time and size over real sockets."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from attrs import evolve
from tests.integration.adapters.chatcore_inference.inference_requests import REQUEST, failure_of
from tests.integration.inference_server import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    Call,
    InferenceServer,
    chunk,
    hang,
    packets,
    stream,
    token,
)

from chatcore.errors import (
    InferenceInterruptedError,
    InferenceRefusedError,
    InferenceTimeoutError,
)
from chatcore_inference import InferenceClient, InferenceLimits, InferenceTimeouts

pytestmark = pytest.mark.usefixtures("reading")

IMPATIENT = InferenceTimeouts(
    connect_seconds=1, queue_seconds=0.1, first_frame_seconds=0.2, idle_seconds=0.2, total_seconds=1, answer_seconds=0.2
)
SMALL = InferenceLimits(
    max_connections=3, max_frame_bytes=1000, max_text_chars=50, max_reply_bytes=5000, max_answer_bytes=100
)


@pytest.fixture
async def client(server: InferenceServer) -> AsyncIterator[InferenceClient]:
    async with InferenceClient(server.base_url, "secret-key", timeouts=IMPATIENT, limits=SMALL) as client:
        yield client


@pytest.mark.parametrize(
    "parts",
    [[], [STREAM_HEAD[:20]], [STREAM_HEAD], [STREAM_HEAD, chunk(token("a"))]],
    ids=["before the head", "in the head", "after the head", "after a token"],
)
async def test_a_silent_service_runs_into_the_timeout_and_is_left(
    client: InferenceClient, server: InferenceServer, parts: list[bytes]
) -> None:
    server.on("/generate", packets(*parts, then=hang))

    frames, error = await failure_of(client)

    assert len(frames) == max(0, len(parts) - 1)
    assert type(error) is InferenceTimeoutError
    await server.until(lambda: server.early_closes == 1)


@pytest.mark.parametrize("drip", [chunk(b": still here\n\n"), chunk(b"x"), b"1", b"HTTP"], ids=str)
async def test_a_drip_of_what_is_no_data_does_not_extend_the_timeout(server: InferenceServer, drip: bytes) -> None:
    async def script(call: Call) -> None:
        if drip != b"HTTP":
            await call.send(STREAM_HEAD)
        while True:
            await call.send(drip)

    server.on("/generate", script)

    async with InferenceClient(server.base_url, None, timeouts=evolve(IMPATIENT, total_seconds=60)) as client:
        async with asyncio.timeout(10):
            _, error = await failure_of(client)
    assert isinstance(error, InferenceTimeoutError | InferenceInterruptedError | InferenceRefusedError)


async def test_steady_tokens_are_no_silence_but_the_reply_must_end_one_day(
    client: InferenceClient, server: InferenceServer
) -> None:
    async def script(call: Call) -> None:
        await call.send(STREAM_HEAD)
        while True:
            await call.send(chunk(b"data: not even a token\n\n"))
            await asyncio.sleep(0.05)

    server.on("/generate", script)

    frames, error = await failure_of(client)

    assert len(frames) > 8
    assert type(error) is InferenceTimeoutError


@pytest.mark.parametrize("rest", [b"data: " + b"x" * 1100, b"data: " + b"x" * 1100 + b"\n\n"], ids=["endless", "long"])
async def test_a_frame_that_is_too_large_is_refused_after_the_frames_before_it(
    client: InferenceClient, server: InferenceServer, rest: bytes
) -> None:
    server.on("/generate", packets(STREAM_HEAD, chunk(token("a") + rest + DONE), then=hang))

    frames, error = await failure_of(client)

    assert frames == [token("a")]
    assert type(error) is InferenceRefusedError
    await server.until(lambda: server.open_connections == 0)


async def test_a_frame_of_just_the_permitted_size_passes(client: InferenceClient, server: InferenceServer) -> None:
    frame = b": " + b"x" * 996 + b"\n\n"
    server.on("/generate", stream(frame, DONE))

    frames: list[bytes] = []
    await client.generate(REQUEST, lambda f: frames.append(f.raw))

    assert frames == [frame, DONE]


async def test_a_reply_that_never_ends_is_cut_at_its_permitted_length(
    client: InferenceClient, server: InferenceServer
) -> None:
    server.on("/generate", stream(token("x" * 50), DONE))
    await client.generate(REQUEST, lambda _: None)
    server.on("/generate", stream(token("x" * 50), token("y"), DONE))

    frames, error = await failure_of(client)

    assert frames == [token("x" * 50)]
    assert type(error) is InferenceRefusedError


async def test_a_reply_too_long_in_one_piece_is_refused(client: InferenceClient, server: InferenceServer) -> None:
    reply = chunk(token("x" * 50) + token("y") + DONE) + LAST_CHUNK
    server.on("/generate", packets(STREAM_HEAD + reply, then=hang))

    frames, error = await failure_of(client)

    assert frames == [token("x" * 50)]
    assert type(error) is InferenceRefusedError


async def test_a_reply_of_nothing_but_overhead_is_cut_at_its_permitted_size(
    client: InferenceClient, server: InferenceServer
) -> None:
    server.on("/generate", stream(*[b"data: {}\n\n" * 100] * 6, DONE))

    frames, error = await failure_of(client)

    assert b"".join(frames) == b"data: {}\n\n" * 500
    assert type(error) is InferenceRefusedError
