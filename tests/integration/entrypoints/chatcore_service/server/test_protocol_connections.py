"""A process has a limited number of connections, and answers probes beyond it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from attrs import evolve, field, frozen
from structlog.testing import capture_logs
from tests.integration.entrypoints.chatcore_service.http_server import (
    ALICE,
    PAUSED,
    SETTINGS,
    LiveService,
    live_service,
)

from chatcore.input_limits import InputLimits
from chatcore_service.api.all_endpoints import openapi_document
from chatcore_service.http import paths
from chatcore_service.server.connection_limit import MAX_EXTRA

PATIENCE_SECONDS = 10
MOST = 4

_DOCUMENT = openapi_document(InputLimits())

HEALTH = b"GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n"
LIST = f"GET /api/conversations HTTP/1.1\r\nhost: x\r\nauthorization: {ALICE['Authorization']}\r\n\r\n".encode()
#: A request without the end of its head, and one without the end of its body.
BEGUN = b"GET /api/health HTTP/1.1\r\n"
UPLOAD = (
    b"POST /api/conversations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 14\r\n"
    b"authorization: %b\r\n\r\n{" % ALICE["Authorization"].encode()
)
REST_OF_UPLOAD = b'"title": "x"}'

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    async with live_service(
        evolve(SETTINGS, connections=evolve(SETTINGS.connections, max_connections=MOST))
    ) as service:
        yield service


@frozen
class Peers:
    """Opens connections, and closes them at the end of the test."""

    service: LiveService
    _opened: list[Connection] = field(factory=list[Connection], init=False)

    async def connect(self) -> Connection:
        """Opens a connection that has not sent a request."""
        connection = await self.service.connect()
        self._opened.append(connection)
        return connection

    async def busy(self, count: int) -> list[Connection]:
        """Opens connections that wait for the rest of a body."""
        connections = [await self.connect() for _ in range(count)]
        for connection in connections:
            # The second request begins in the packet that ends the first.
            assert (await exchange(connection, HEALTH + UPLOAD))[0] == 200
        return connections

    def close(self) -> None:
        """Closes all connections."""
        for _, writer in self._opened:
            writer.close()


@pytest.fixture
async def peers(service: LiveService) -> AsyncIterator[Peers]:
    peers = Peers(service)
    yield peers
    peers.close()


async def response(connection: Connection) -> tuple[int, dict[str, str], bytes]:
    """Returns status, headers and body of the next response."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        head = (await connection[0].readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name: value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await connection[0].readexactly(int(headers["content-length"]))
    return int(head[0].split()[1]), headers, body


async def exchange(connection: Connection, request: bytes) -> tuple[int, dict[str, str], bytes]:
    connection[1].write(request)
    return await response(connection)


async def is_closed(connection: Connection) -> bool:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await connection[0].read() == b""


async def test_beyond_the_limit_a_request_is_refused_and_a_probe_answered(peers: Peers) -> None:
    busy = await peers.busy(MOST)
    with capture_logs() as lines:
        refused = await peers.connect()
        status, headers, body = await exchange(refused, LIST)
        assert await is_closed(refused)

    assert (status, headers["connection"], headers["retry-after"]) == (503, "close", "5")
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body)["code"] == "too_many_connections"
    assert [line["code"] for line in lines if "code" in line] == ["too_many_connections"]

    for path in (b"/api/health", b"/api/health/?x=y", b"/metrics"):
        probe = await peers.connect()
        status, headers, _ = await exchange(probe, HEALTH.replace(b"/api/health", path))
        assert (status, headers["connection"]) == (200, "close")
        assert await is_closed(probe)

    # The connections within the limit go on.
    for request, expected in ((REST_OF_UPLOAD, 201), (LIST, 200)):
        status, headers, _ = await exchange(busy[0], request)
        assert status == expected
        assert "connection" not in headers


@pytest.mark.parametrize("path", sorted({*_DOCUMENT["paths"]} - {paths.READY}))
async def test_the_api_document_lists_what_a_connection_beyond_the_limit_gets(peers: Peers, path: str) -> None:
    # The document of `/api/ready` has a 503 of its own, for a process that is not ready.
    await peers.busy(MOST)

    target = path.format(conversation_id=uuid4(), message_id=uuid4())
    status, _, _ = await exchange(await peers.connect(), f"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode())

    operations = {name: item for name, item in _DOCUMENT["paths"][path].items() if name != "parameters"}
    assert {"503" in operation["responses"] for operation in operations.values()} == {status == 503}


async def test_a_new_connection_ends_the_one_that_was_idle_for_the_longest_time(peers: Peers) -> None:
    silent, answered = await peers.connect(), await peers.connect()
    await peers.busy(MOST - 2)
    # The first request moves this connection behind the silent one.
    assert (await exchange(answered, HEALTH))[0] == 200

    for idle in (silent, answered):
        assert (await exchange(await peers.connect(), LIST + UPLOAD))[0] == 200
        assert await is_closed(idle)
    assert (await exchange(await peers.connect(), LIST))[0] == 503


async def test_connections_that_never_finish_a_head_give_way(peers: Peers) -> None:
    unfinished = [await peers.connect() for _ in range(3 * MOST)]
    for first_bytes, (_, writer) in zip((b"", b"G", BEGUN) * MOST, unfinished, strict=True):
        writer.write(first_bytes)

    for _ in range(MOST):
        assert (await exchange(await peers.connect(), LIST + BEGUN))[0] == 200
    assert [await is_closed(connection) for connection in unfinished] == [True] * 3 * MOST


async def test_a_connection_in_the_middle_of_a_second_head_gives_way(peers: Peers) -> None:
    begun = [await peers.connect() for _ in range(MOST)]
    for connection in begun:
        assert (await exchange(connection, HEALTH + BEGUN))[0] == 200

    assert (await exchange(await peers.connect(), LIST))[0] == 200
    assert await is_closed(begun[0])


async def test_connections_whose_body_nobody_waits_for_give_way(peers: Peers) -> None:
    refused = [await peers.connect() for _ in range(MOST)]
    for connection in refused:
        assert (await exchange(connection, UPLOAD.replace(b"Bearer", b"Nobody")))[0] == 401

    assert (await exchange(await peers.connect(), LIST))[0] == 200
    assert await is_closed(refused[0])


async def test_an_open_stream_is_not_idle(peers: Peers) -> None:
    service = peers.service
    service.inference.play(*PAUSED)
    path = await service.begin()
    await service.client.aclose()
    await service.connections_to_close()
    streams = [await peers.connect() for _ in range(MOST)]
    for _, writer in streams:
        writer.write(LIST.replace(b"/api/conversations", path.encode()))
    await service.streams_to_open(MOST)

    probes = [await exchange(await peers.connect(), HEALTH) for _ in range(MAX_EXTRA + MOST)]
    service.inference.release()
    async with asyncio.timeout(PATIENCE_SECONDS):
        texts = [await reader.readuntil(b'"done":true}\n\n') for reader, _ in streams]

    assert {probe[0] for probe in probes} == {200}
    assert all(b'"lo"' in text for text in texts)


async def test_any_number_of_unfinished_requests_leaves_room_for_a_probe(peers: Peers) -> None:
    await peers.busy(MOST)
    for _ in range(3 * MAX_EXTRA):
        (await peers.connect())[1].write(BEGUN)

    assert (await exchange(await peers.connect(), HEALTH))[0] == 200
    assert len(peers.service.server.server_state.connections) <= MOST + MAX_EXTRA
