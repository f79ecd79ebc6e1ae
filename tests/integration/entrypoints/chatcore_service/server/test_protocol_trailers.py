"""Trailers of a chunked request never become headers, and are limited like headers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.integration.entrypoints.chatcore_service.http_server import (
    ALICE,
    PAUSED,
    SETTINGS,
    LiveService,
    live_service,
)

PATIENCE_SECONDS = 10
MAX_HEADER_BYTES = SETTINGS.requests.max_header_bytes

HEADERS = (
    f"HTTP/1.1\r\nhost: x\r\nauthorization: {ALICE['Authorization']}\r\n"
    "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
).encode()
BEGUN_TRAILER = b"0\r\nx: "

LIST = b"GET /api/conversations HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n"
TOKEN = f"authorization: {ALICE['Authorization']}\r\n".encode()
HEALTH = b"GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n"
#: How often an attack is repeated, because its outcome might depend on the order of tasks.
ATTEMPTS = 20


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    async with live_service() as service:
        yield service


async def stream_with_begun_trailer(service: LiveService) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Opens a stream whose request has not ended yet."""
    service.inference.play(*PAUSED)
    path = await service.begin()
    reader, writer = await service.connect()
    writer.write(f"GET {path} ".encode() + HEADERS + BEGUN_TRAILER)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await reader.readuntil(b'{"token":"Hel"}')
        await service.inference.until_paused()
    return reader, writer


async def test_endless_trailers_are_refused_like_headers(service: LiveService) -> None:
    reader, writer = await service.connect()
    # More bytes than are read at once with the body.
    writer.write(b"POST /api/conversations " + HEADERS + b"2\r\n{}\r\n" + BEGUN_TRAILER + b"a" * 300_000)

    async with asyncio.timeout(PATIENCE_SECONDS):
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 431 ")
    writer.close()


async def test_endless_trailers_end_the_stream(service: LiveService) -> None:
    reader, writer = await stream_with_begun_trailer(service)

    writer.write(b"a" * (MAX_HEADER_BYTES + 1))

    async with asyncio.timeout(PATIENCE_SECONDS):
        await service.open_streams_to_end()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readuntil(b"0\r\n\r\n")
    writer.close()


async def test_a_trailer_does_not_end_the_stream(service: LiveService) -> None:
    reader, writer = await stream_with_begun_trailer(service)

    writer.write(b"a" * (MAX_HEADER_BYTES // 2) + b"\r\n\r\n")
    await writer.drain()
    service.inference.release()

    async with asyncio.timeout(PATIENCE_SECONDS):
        assert b'{"token":"lo"}' in await reader.readuntil(b"0\r\n\r\n")
    writer.close()


async def statuses(service: LiveService, *parts: bytes, count: int = 1) -> list[int]:
    """Sends parts on one connection, each when the previous one was sent; returns the statuses of the responses."""
    reader, writer = await service.connect()
    found = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        for _ in range(count):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            found.append(int(head.split()[1]))
    writer.close()
    return found


def chunked(headers: bytes, trailers: bytes) -> bytes:
    return headers + b"\r\n2\r\n{}\r\n0\r\n" + trailers + b"\r\n"


async def test_no_trailer_authenticates_a_request(service: LiveService) -> None:
    at_once = [await statuses(service, chunked(LIST, TOKEN)) for _ in range(ATTEMPTS)]
    in_parts = await statuses(service, LIST + b"\r\n2\r\n{}\r\n0\r\n", TOKEN + b"\r\n")

    assert at_once == [[401]] * ATTEMPTS
    assert in_parts == [401]


async def test_no_trailer_of_a_waiting_request_becomes_a_header(service: LiveService) -> None:
    attack = HEALTH + chunked(LIST, TOKEN) + chunked(LIST + TOKEN, b"") + chunked(LIST, TOKEN)

    found = [await statuses(service, attack, count=4) for _ in range(ATTEMPTS)]
    assert found == [[200, 401, 200, 401]] * ATTEMPTS


async def test_trailers_do_not_replace_headers(service: LiveService) -> None:
    reader, writer = await service.connect()
    trailers = b"x-trace-id: of-the-trailer\r\norigin: http://localhost:3000\r\nhost: y\r\nexpect: 100-continue\r\n"
    writer.write(chunked(LIST + TOKEN + b"x-trace-id: of-the-header\r\n", trailers))
    async with asyncio.timeout(PATIENCE_SECONDS):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()

    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"x-trace-id: of-the-header\r\n" in head
    assert b"of-the-trailer" not in head
    assert b"access-control-allow-origin" not in head.lower()


@pytest.mark.parametrize("framing", [b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n"])
async def test_a_trailer_that_would_frame_the_body_is_refused(service: LiveService, framing: bytes) -> None:
    found = [await statuses(service, chunked(LIST + TOKEN, framing)) for _ in range(ATTEMPTS)]

    assert found == [[400]] * ATTEMPTS


@pytest.mark.parametrize("is_answered", [False, True])
async def test_a_trailer_that_ends_the_connection_leaves_no_request_unanswered(
    service: LiveService, *, is_answered: bool
) -> None:
    reader, writer = await service.connect()
    begun, end = LIST + b"\r\n2\r\n{}\r\n0\r\n", b"connection: close\r\n\r\n" + HEALTH
    async with asyncio.timeout(PATIENCE_SECONDS):
        writer.write(begun if is_answered else begun + end)
        head = await reader.readuntil(b"\r\n\r\n")
        if is_answered:
            writer.write(end)
        rest = await reader.read()
    writer.close()

    assert head.startswith(b"HTTP/1.1 401 ")
    assert b"HTTP/1.1" not in rest
