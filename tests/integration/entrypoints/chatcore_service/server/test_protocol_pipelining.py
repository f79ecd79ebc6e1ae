"""Pipelined requests: a limited number may wait, and none outlives its connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, PAUSED, LiveService, live_service
from tests.integration.faults.waiting import eventually

from chatcore_service.server.protocol import MAX_PIPELINED

PATIENCE_SECONDS = 10

HEALTH = b"GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n"
NOTHING = b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    async with live_service() as service:
        service.inference.play(*PAUSED)
        yield service


def follow(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {ALICE['Authorization']}\r\n\r\n".encode()


def waiting(service: LiveService) -> int:
    """Returns how many requests wait behind the request in progress."""
    return sum(len(getattr(connection, "pipeline", ())) for connection in service.server.server_state.connections)


async def test_a_disconnect_with_requests_waiting_ends_the_stream(service: LiveService) -> None:
    path = await service.begin()
    await service.client.aclose()
    _, writer = await service.connect()
    writer.write(follow(path) + HEALTH * 3)
    await service.streams_to_open(1)
    await eventually(lambda: waiting(service) == 3, within=PATIENCE_SECONDS, what="requests in line")

    writer.transport.abort()

    await service.open_streams_to_end()
    await service.connections_to_close()


async def test_requests_up_to_the_limit_wait_and_are_answered_in_order(service: LiveService) -> None:
    path = await service.begin()
    reader, writer = await service.connect()
    writer.write(follow(path) + (HEALTH + NOTHING) * (MAX_PIPELINED // 2))
    await service.streams_to_open(1)
    service.inference.release()

    async with asyncio.timeout(PATIENCE_SECONDS):
        await reader.readuntil(b'"done":true}\n\n\r\n0\r\n\r\n')
        heads = [(await reader.readuntil(b"\r\n\r\n")).split(b"\r\n") for _ in range(1)]
        for _ in range(MAX_PIPELINED - 1):
            await reader.readuntil(b"}HTTP/1.1 ")
            heads.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n"))
    writer.close()

    statuses = [head[0].removeprefix(b"HTTP/1.1 ")[:3] for head in heads]
    assert statuses == [b"200", b"404"] * (MAX_PIPELINED // 2)


@pytest.mark.parametrize("count", [MAX_PIPELINED + 1, 3_000])
async def test_one_request_too_many_ends_only_its_own_connection(service: LiveService, count: int) -> None:
    path = await service.begin()
    reader, writer = await service.connect()
    most = 0
    writer.write(follow(path) + HEALTH * count)

    async with asyncio.timeout(PATIENCE_SECONDS):
        while not reader.at_eof():
            most = max(most, waiting(service))
            await reader.read(65536)
    writer.close()

    assert most <= MAX_PIPELINED
    await service.open_streams_to_end()
    service.inference.release()
    assert (await service.client.get(path, headers=ALICE)).text.endswith('data: {"done":true}\n\n')


async def test_a_refusal_does_not_interrupt_another_response(service: LiveService) -> None:
    path = await service.begin()
    reader, writer = await service.connect()
    writer.write(follow(path))
    await reader.readuntil(b'"Hel"}\n\n\r\n')

    writer.write(HEALTH + b"\x16\x03\x01 this is no request\r\n\r\n")

    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await reader.read() == b""
    writer.close()
    await service.open_streams_to_end()
