"""The memory that half-sent bodies and unread responses hold is bounded, and comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from attrs import field, frozen
from tests.integration.entrypoints.chatcore_service.http_server import (
    ALICE,
    BOB,
    PAUSED,
    LiveService,
    live_service,
    settings_with_requests,
)
from tests.integration.faults.waiting import eventually

from chatcore_service.http.buffer_budget import FREE_BYTES

BUDGET = 1024 * 1024
PART = 100 * 1024
COUNTED = PART - FREE_BYTES
PATIENCE_SECONDS = 10

OF_ALICE, OF_BOB = ALICE["Authorization"], BOB["Authorization"]

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    async with live_service(settings_with_requests(max_buffered_bytes=BUDGET)) as service:
        yield service


def held(service: LiveService) -> int:
    return service.container.buffer_budget().total


@frozen
class Peers:
    """Opens connections, and closes them at the end of the test."""

    service: LiveService
    _opened: list[Connection] = field(factory=list[Connection], init=False)

    async def connect(self) -> Connection:
        """Opens a connection whose reader takes little at once."""
        connection = await asyncio.open_connection("127.0.0.1", self.service.port, limit=1024)
        self._opened.append(connection)
        return connection

    async def half_sent(self, authorization: str, before: bytes = b"") -> Connection:
        """Sends `before`, and then a request whose body lacks a byte."""
        connection = await self.connect()
        head = f"POST /api/conversations HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\n"
        sizes = f"content-type: application/json\r\ncontent-length: {PART + 1}\r\n\r\n"
        connection[1].write(before + f"{head}{sizes}".encode() + b" " * PART)
        return connection

    def close(self) -> None:
        """Closes all connections."""
        for _, writer in self._opened:
            writer.close()


@pytest.fixture
async def peers(service: LiveService) -> AsyncIterator[Peers]:
    peers = Peers(service)
    yield peers
    peers.close()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {OF_ALICE}\r\n\r\n".encode()


async def response(connection: Connection) -> tuple[int, dict[str, str], bytes]:
    """Returns status, headers and body of the next response."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        head = (await connection[0].readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name: value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await connection[0].readexactly(int(headers["content-length"]))
    return int(head[0].split()[1]), headers, body


async def held_to_be(service: LiveService, bytes_: int) -> None:
    await eventually(lambda: held(service) == bytes_, within=PATIENCE_SECONDS, what=f"{bytes_} bytes are held")


async def long_conversation(service: LiveService) -> str:
    """Returns the path of a conversation that is larger than the buffers of a socket."""
    path = await service.conversation()
    for _ in range(8):
        service.inference.say("x" * 1000_000)
        assert (await service.client.post(f"{path}/messages", json={"content": "hi"}, headers=ALICE)).is_success
    return path


async def test_half_sent_bodies_of_a_user_take_a_part_of_the_budget(peers: Peers) -> None:
    service, accepted = peers.service, BUDGET // 4 // COUNTED
    connections: list[Connection] = []
    for number in range(1, accepted + 1):
        connections.append(await peers.half_sent(OF_ALICE))
        await held_to_be(service, number * COUNTED)

    status, headers, body = await response(await peers.half_sent(OF_ALICE))
    assert (status, headers["retry-after"]) == (429, "5")
    assert json.loads(body)["code"] == "too_many_buffered_bytes"
    assert "x-trace-id" in headers
    assert (await service.client.get("/api/conversations", headers=BOB)).status_code == 200
    assert held(service) == accepted * COUNTED

    # A body that ends is decoded, and gives its bytes back.
    connections[0][1].write(b" ")
    assert (await response(connections[0]))[0] == 400
    await held_to_be(service, (accepted - 1) * COUNTED)
    peers.close()
    await held_to_be(service, 0)


async def test_bodies_whose_token_is_not_validated_yet_take_a_part_of_the_budget(peers: Peers) -> None:
    service, accepted = peers.service, BUDGET // 2 // COUNTED
    service.inference.play(*PAUSED)
    # The service handles the second request of a connection only after the first, which is an open stream.
    stream = get(await service.begin())
    for number in range(1, accepted + 1):
        await peers.half_sent(OF_BOB, before=stream)
        await held_to_be(service, number * COUNTED)
    refused = await peers.half_sent(OF_ALICE, before=stream)
    refusals = b'chatcore_requests_refused_by_limits_total{code="buffers_full"} 1.0'
    metrics = service.container.metrics()
    await eventually(lambda: refusals in metrics.exposition(), within=PATIENCE_SECONDS, what="a body is refused")
    assert held(service) <= BUDGET // 2

    service.inference.release()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await refused[0].readuntil(b'"done":true}\n\n\r\n0\r\n\r\n')
    status, headers, body = await response(refused)
    assert (status, headers["retry-after"]) == (503, "5")
    assert json.loads(body)["code"] == "buffers_full"
    peers.close()
    await held_to_be(service, 0)


async def test_a_refused_body_is_not_kept(peers: Peers) -> None:
    connection = await peers.half_sent("Bearer unknown")

    assert (await response(connection))[0] == 401
    # The connection is open, and the service drops the rest of the body.
    await held_to_be(peers.service, 0)


async def test_a_response_that_is_not_read_counts_until_it_is(peers: Peers) -> None:
    reader, writer = await peers.connect()
    writer.write(get(await long_conversation(peers.service)))
    await eventually(lambda: held(peers.service) > 0, within=PATIENCE_SECONDS, what="the response waits")

    async with asyncio.timeout(PATIENCE_SECONDS):
        while held(peers.service):
            await reader.read(64 * 1024)


async def test_a_reader_that_leaves_gives_its_bytes_back(peers: Peers) -> None:
    _, writer = await peers.connect()
    writer.write(get(await long_conversation(peers.service)))
    await eventually(lambda: held(peers.service) > 0, within=PATIENCE_SECONDS, what="the response waits")

    writer.transport.abort()
    await held_to_be(peers.service, 0)
