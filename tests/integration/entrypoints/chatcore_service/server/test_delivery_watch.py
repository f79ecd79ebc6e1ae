"""A response waits for a slow caller as long as the caller takes some bytes of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.integration.entrypoints.chatcore_service.http_server import (
    ALICE,
    LiveService,
    live_service,
    settings_with_streams,
)
from tests.integration.faults.waiting import eventually

PATIENCE_SECONDS = 10
FLUSH_SECONDS = 0.4


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    async with live_service(settings_with_streams(write_timeout_seconds=FLUSH_SECONDS)) as service:
        for listener in service.server.servers[0].sockets:
            # Connections inherit the option. Bytes in the kernel's buffer do not count as waiting in the service.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        yield service


async def conversation_of(service: LiveService, chars: int) -> str:
    """Returns the path of a conversation with a reply of the given length."""
    service.inference.say("x" * chars)
    path = (await service.begin()).partition("/messages/")[0]

    async def is_there() -> bool:
        return len((await service.client.get(path, headers=ALICE)).content) > chars

    await eventually(is_there, within=PATIENCE_SECONDS, what="the reply is there")
    return path


class Caller:
    """A connection that reads only when it is told to."""

    def __init__(self, service: LiveService) -> None:
        self._connection = socket.socket()
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        self._connection.connect(("127.0.0.1", service.port))
        self._connection.setblocking(False)

    async def ask(self, path: str) -> None:
        request = f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {ALICE['Authorization']}\r\n\r\n"
        await asyncio.get_running_loop().sock_sendall(self._connection, request.encode())

    async def take(self, byte_count: int) -> None:
        while byte_count > 0:
            data = await asyncio.get_running_loop().sock_recv(self._connection, min(byte_count, 65536))
            if not data:
                raise ConnectionResetError
            byte_count -= len(data)

    async def take_slowly(self, byte_count: int, piece: int) -> None:
        for _ in range(0, byte_count, piece):
            await self.take(piece)
            await asyncio.sleep(0.02)

    def leave(self) -> None:
        self._connection.close()


@pytest.fixture
def caller(service: LiveService) -> Iterator[Caller]:
    caller = Caller(service)
    yield caller
    caller.leave()


async def test_a_caller_that_takes_nothing_of_a_response_is_disconnected(service: LiveService, caller: Caller) -> None:
    path = await conversation_of(service, 900_000)
    await service.client.aclose()

    await caller.ask(path)

    async with asyncio.timeout(PATIENCE_SECONDS):
        await service.connections_to_close()
        with pytest.raises(ConnectionResetError):
            await caller.take(900_000)


async def test_a_slow_caller_gets_the_whole_response(service: LiveService, caller: Caller) -> None:
    path = await conversation_of(service, 900_000)

    await caller.ask(path)

    async with asyncio.timeout(PATIENCE_SECONDS):
        # This takes longer than a caller may read nothing.
        await caller.take_slowly(900_000, piece=20_000)


async def test_a_delivered_response_does_not_shorten_the_time_of_the_next(service: LiveService, caller: Caller) -> None:
    small, large = await conversation_of(service, 400_000), await conversation_of(service, 900_000)

    async with asyncio.timeout(PATIENCE_SECONDS):
        await caller.ask(small)
        await caller.take(400_000)
        await caller.ask(large)
        # More bytes wait at the second check of the first response than at the first check.
        await caller.take_slowly(400_000, piece=10_000)
        await caller.take(500_000)
