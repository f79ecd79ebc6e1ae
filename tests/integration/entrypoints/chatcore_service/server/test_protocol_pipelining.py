"""Pipelined requests: a limited number may wait, and none outlives its connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.integration.entrypoints.chatcore_service.http_server import (
    ALICE,
    PAUSED,
    LiveService,
    live_service,
    settings_with_requests,
)
from tests.integration.faults.waiting import eventually

from chatcore_service.server.protocol import MAX_PIPELINED

PATIENCE_SECONDS = 10

AUTHORIZATION = f"authorization: {ALICE['Authorization']}\r\n".encode()
HEALTH = b"GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n"
NOTHING = b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    async with live_service() as service:
        service.inference.play(*PAUSED)
        yield service


def follow(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: x\r\n".encode() + AUTHORIZATION + b"\r\n"


async def received(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Returns everything that arrives until the service closes the connection."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        read = await reader.read()
    writer.close()
    return read


def statuses(read: bytes) -> list[int]:
    return [int(part[:3]) for part in read.split(b"HTTP/1.1 ")[1:]]


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
async def test_requests_beyond_the_limit_are_dropped_and_end_the_connection(service: LiveService, count: int) -> None:
    path = await service.begin()
    reader, writer = await service.connect()
    writer.write(follow(path) + HEALTH * count)
    await eventually(lambda: waiting(service) == MAX_PIPELINED, within=PATIENCE_SECONDS, what="requests in line")
    service.inference.release()
    read = await received(reader, writer)

    assert b'"done":true}' in read
    assert statuses(read) == [200] * (1 + MAX_PIPELINED)
    assert read.lower().count(b"connection: close") == 1


async def test_requests_that_arrive_together_are_executed_up_to_the_limit(service: LiveService) -> None:
    created = b"POST /api/conversations HTTP/1.1\r\nhost: x\r\n" + AUTHORIZATION + b"content-length: 0\r\n\r\n"
    reader, writer = await service.connect()
    writer.write(created * 30)
    read = await received(reader, writer)

    listed = (await service.client.get("/api/conversations", headers=ALICE)).json()["items"]
    assert statuses(read) == [201] * (1 + MAX_PIPELINED)
    assert len(listed) == 1 + MAX_PIPELINED


@pytest.mark.parametrize(
    "faulty",
    [
        b"\x16\x03\x01 this is no request\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"a" * 100_000,
        b"POST /api/conversations HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["no HTTP", "endless headers", "malformed body"],
)
async def test_a_faulty_request_costs_earlier_ones_nothing(service: LiveService, faulty: bytes) -> None:
    path = await service.begin()
    reader, writer = await service.connect()
    writer.write(follow(path))
    await reader.readuntil(b'"Hel"}\n\n\r\n')

    writer.write(HEALTH + NOTHING + faulty)
    await eventually(lambda: waiting(service) == 2, within=PATIENCE_SECONDS, what="requests in line")
    service.inference.release()
    read = await received(reader, writer)

    assert b'"done":true}\n\n\r\n0\r\n\r\n' in read
    assert statuses(read) == [200, 404]
    await service.open_streams_to_end()


async def test_a_request_whose_headers_do_not_come_costs_an_earlier_one_nothing() -> None:
    async with live_service(settings_with_requests(header_timeout_seconds=0.1)) as service:
        service.inference.play(*PAUSED)
        path = await service.begin()
        reader, writer = await service.connect()
        writer.write(follow(path) + b"GET /api")
        await service.streams_to_open(1)
        connections = service.server.server_state.connections
        await eventually(
            lambda: any(getattr(connection, "_is_deaf", False) for connection in connections),
            within=PATIENCE_SECONDS,
            what="the headers are late",
        )
        service.inference.release()
        read = await received(reader, writer)

    assert statuses(read) == [200]
    assert read.endswith(b'"done":true}\n\n\r\n0\r\n\r\n')
