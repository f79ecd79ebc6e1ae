"""Tests that frames are byte for byte what the samosachaat service sent, over real sockets."""

from collections.abc import AsyncIterator

import pytest
from tests.integration.adapters.chatcore_inference.inference_requests import REQUEST, failure_of
from tests.integration.inference_server import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    InferenceServer,
    Script,
    answer,
    chunk,
    close,
    hang,
    keep_alive,
    packets,
    reset,
    token,
)
from tests.unit.odd_frames import ODD_FRAMES

from chatcore.errors import InferenceInterruptedError, InferenceKeyRefusedError, InferenceRefusedError
from chatcore.ports import Frame
from chatcore_inference import InferenceClient

pytestmark = pytest.mark.usefixtures("reading")

HEL, LO = token("Hel"), token("lo")

every_end = pytest.mark.parametrize("end", [keep_alive, close, reset, hang], ids=["end", "FIN", "RST", "silence"])


@pytest.fixture
async def client(server: InferenceServer) -> AsyncIterator[InferenceClient]:
    async with InferenceClient(server.base_url, "secret-key") as client:
        yield client


async def frames_of(client: InferenceClient) -> list[Frame]:
    frames: list[Frame] = []
    await client.generate(REQUEST, frames.append)
    return frames


@pytest.mark.parametrize("packet_bytes", [None, 1, 3, 7])
async def test_frames_of_every_form_arrive_byte_for_byte(
    client: InferenceClient, server: InferenceServer, packet_bytes: int | None
) -> None:
    wire = STREAM_HEAD + b"".join(map(chunk, [*ODD_FRAMES, DONE])) + LAST_CHUNK
    size = packet_bytes or len(wire)
    server.on("/generate", packets(*(wire[at : at + size] for at in range(0, len(wire), size)), then=keep_alive))

    frames = await frames_of(client)

    assert [frame.raw for frame in frames] == [*ODD_FRAMES, DONE]
    assert [frame.token for frame in frames] == [*ODD_FRAMES.values(), None]
    assert [frame.is_closing for frame in frames] == [*([False] * len(ODD_FRAMES)), True]


@every_end
async def test_bytes_after_the_closing_frame_are_ignored(
    client: InferenceClient, server: InferenceServer, end: Script
) -> None:
    last = LAST_CHUNK if end is keep_alive else b""
    server.on("/generate", packets(STREAM_HEAD, *map(chunk, [HEL, DONE, LO, DONE]), last, then=end))

    assert [frame.raw for frame in await frames_of(client)] == [HEL, DONE]


@pytest.mark.parametrize("end", [keep_alive, reset], ids=["end", "RST"])
@pytest.mark.parametrize("unfinished", [b'data: {"token":"lo"}', b'data: {"token":"lo"}\n', b'data: {"done":true}\n'])
async def test_an_unfinished_frame_at_the_end_is_dropped(
    client: InferenceClient, server: InferenceServer, end: Script, unfinished: bytes
) -> None:
    last = LAST_CHUNK if end is keep_alive else b""
    server.on("/generate", packets(STREAM_HEAD, chunk(HEL), chunk(unfinished), last, then=end))

    frames, error = await failure_of(client)

    assert frames == [HEL]
    assert type(error) is InferenceInterruptedError


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_every_status_of_an_error_is_a_refusal(
    client: InferenceClient, server: InferenceServer, status: int
) -> None:
    server.on("/generate", answer(status, b'{"detail":"no model is loaded"}', "application/json"))

    frames, error = await failure_of(client)

    assert frames == []
    assert type(error) is InferenceRefusedError


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_of_our_key_is_told_apart(
    client: InferenceClient, server: InferenceServer, status: int
) -> None:
    server.on("/generate", answer(status, b'{"detail":"who are you"}', "application/json"))

    frames, error = await failure_of(client)

    assert frames == []
    assert type(error) is InferenceKeyRefusedError


async def test_frames_of_another_media_type_are_a_refusal(client: InferenceClient, server: InferenceServer) -> None:
    server.on("/generate", answer(200, HEL + DONE, "application/json"))

    frames, error = await failure_of(client)

    assert frames == []
    assert type(error) is InferenceRefusedError
