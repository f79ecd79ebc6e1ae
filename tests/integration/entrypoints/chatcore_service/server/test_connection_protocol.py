"""A caller that sends no more gets the responses to all whole requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, PAUSED, LiveService, live_service
from tests.integration.faults.waiting import eventually

PATIENCE_SECONDS = 10

AUTHORIZATION = f"authorization: {ALICE['Authorization']}\r\n".encode()
LIST = b"GET /api/conversations HTTP/1.1\r\nhost: x\r\n" + AUTHORIZATION + b"\r\n"
NOTHING = b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n"
END = b'"done":true}\n\n\r\n0\r\n\r\n'


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    async with live_service() as service:
        yield service


async def half_close(service: LiveService, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Sends bytes and closes the sending half at once."""
    reader, writer = await service.connect()
    writer.write(request)
    writer.write_eof()
    return reader, writer


async def received(service: LiveService, request: bytes) -> bytes:
    """Returns everything that arrives after a half-close."""
    reader, writer = await half_close(service, request)
    async with asyncio.timeout(PATIENCE_SECONDS):
        read = await reader.read()
    writer.close()
    await service.client.aclose()
    await service.connections_to_close()
    return read


def statuses(received: bytes) -> list[int]:
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize("count", [1, 3])
async def test_whole_requests_are_answered_and_the_connection_is_closed(service: LiveService, count: int) -> None:
    read = await received(service, LIST * count)

    assert statuses(read) == [200] * count
    assert read.lower().count(b"connection: close") == 1


@pytest.mark.parametrize(
    "rest",
    [
        b"GET /api/conversations HT",
        b"POST /api/conversations HTTP/1.1\r\ncontent-length: 10\r\ncontent-type: application/json\r\n\r\n{",
    ],
)
async def test_requests_before_one_that_is_not_whole_are_answered(service: LiveService, rest: bytes) -> None:
    assert statuses(await received(service, LIST + NOTHING + rest)) == [200, 404]


@pytest.mark.parametrize("rest", [b"", b"GET /api", LIST[:-2]])
async def test_without_a_whole_request_nothing_is_answered(service: LiveService, rest: bytes) -> None:
    assert await received(service, rest) == b""


async def test_the_caller_of_a_stream_gets_it_to_its_end(service: LiveService) -> None:
    service.inference.play(*PAUSED)
    path = await service.begin()
    reader, writer = await half_close(service, LIST.replace(b"/api/conversations", path.encode()))
    async with asyncio.timeout(PATIENCE_SECONDS):
        read = await reader.readuntil(b"Hel")
        # The service asks whether the caller is there.
        read += await reader.readuntil(b": keep-alive\n\n")
        service.inference.release()
        read += await reader.read()
    writer.close()

    assert b'{"token":"lo"}' in read
    assert read.endswith(END)


async def test_a_caller_that_has_left_a_silent_stream_is_noticed(service: LiveService) -> None:
    service.inference.play(*PAUSED)
    path = await service.begin()
    reader, writer = await service.connect()
    writer.write(LIST.replace(b"/api/conversations", path.encode()))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await reader.readuntil(b'"Hel"}\n\n\r\n')

    # This closes both halves, which looks like the end of one half.
    writer.close()
    await service.open_streams_to_end()
    await eventually(
        lambda: len(service.server.server_state.connections) <= 1, within=PATIENCE_SECONDS, what="it is closed"
    )
