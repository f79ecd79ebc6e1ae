"""Answers that wait for their caller: for as long as it takes something of them, and no longer."""

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
            # Connections inherit it. What the kernel takes over of an answer does not wait for the caller.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        yield service


async def conversation_of(service: LiveService, chars: int) -> str:
    """The path of a conversation with a reply of so many characters."""
    service.inference.say("x" * chars)
    path = (await service.begin()).partition("/messages/")[0]

    async def is_there() -> bool:
        return len((await service.client.get(path, headers=ALICE)).content) > chars

    await eventually(is_there, within=PATIENCE_SECONDS, what="the reply is there")
    return path


class Caller:
    """A connection that takes only what it is told to."""

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


async def test_who_takes_nothing_of_an_answer_is_cut_off(service: LiveService, caller: Caller) -> None:
    path = await conversation_of(service, 900_000)
    await service.client.aclose()

    await caller.ask(path)

    async with asyncio.timeout(PATIENCE_SECONDS):
        await service.connections_to_close()
        with pytest.raises(ConnectionResetError):
            await caller.take(900_000)


async def test_who_takes_an_answer_slowly_gets_all_of_it(service: LiveService, caller: Caller) -> None:
    path = await conversation_of(service, 900_000)

    await caller.ask(path)

    async with asyncio.timeout(PATIENCE_SECONDS):
        # For longer than a caller may take nothing.
        await caller.take_slowly(900_000, piece=20_000)


async def test_an_answer_taken_is_not_held_against_who_takes_the_next_one_slowly(
    service: LiveService, caller: Caller
) -> None:
    small, large = await conversation_of(service, 400_000), await conversation_of(service, 900_000)

    async with asyncio.timeout(PATIENCE_SECONDS):
        await caller.ask(small)
        await caller.take(400_000)
        await caller.ask(large)
        # When the first answer is looked at again, more is waiting than was then.
        await caller.take_slowly(400_000, piece=10_000)
        await caller.take(500_000)
