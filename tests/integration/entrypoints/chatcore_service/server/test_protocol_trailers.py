"""Trailers of a chunked request are limited like headers, before and after the response has begun."""

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
