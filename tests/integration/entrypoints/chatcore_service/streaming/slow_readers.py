"""Callers who ask for a stream and take nothing of it, with as little room for it in the kernel as there can be."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService
from tests.integration.faults.waiting import eventually

from chatcore_service.server.protocol import BoundedProtocol

# The kernel doubles it, and takes no less.
_KERNEL_BYTES = 4096


def leave_the_kernel_little(service: LiveService) -> None:
    """From now on connections hold next to nothing in the kernel: what is not read is felt."""
    for listener in service.server.servers[0].sockets:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)


def hold_up_who_is_behind(service: LiveService) -> None:
    """From now on whoever has a connection can be sent nothing more while anything waits for them."""
    for connection in service.server.server_state.connections:
        if isinstance(connection, BoundedProtocol):
            connection._connection._transport.set_write_buffer_limits(0)


def following(path: str) -> bytes:
    """A request that follows a reply."""
    return f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {ALICE['Authorization']}\r\n\r\n".encode()


def sending(conversation: str, key: str, content: str = "hi") -> bytes:
    """A request that sends a message; again with the same key it is a reader more of the same frames."""
    body = b'{"content":"%b"}' % content.encode()
    head = (
        f"POST {conversation}/messages HTTP/1.1\r\nhost: x\r\nauthorization: {ALICE['Authorization']}\r\n"
        f"content-type: application/json\r\nidempotency-key: {key}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class StalledReader:
    """A caller who takes nothing until it is told to."""

    def __init__(self, port: int, request: bytes) -> None:
        self._rest = b""
        self.connection = socket.socket()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BYTES)
        self.connection.connect(("127.0.0.1", port))
        self.connection.sendall(request)
        self.connection.setblocking(False)

    async def until(self, end: bytes) -> bytes:
        """Everything that has not been taken yet, up to where it ends so."""
        loop = asyncio.get_running_loop()
        received, self._rest = bytearray(self._rest), b""
        searched = 0
        while (at := received.find(end, searched)) < 0:
            searched = max(len(received) - len(end), 0)
            data = await loop.sock_recv(self.connection, 65536)
            assert data, "the connection has ended"
            received += data
        self._rest = bytes(received[at + len(end) :])
        return bytes(received[: at + len(end)])


@contextmanager
def stalled_readers(port: int, *requests: bytes) -> Iterator[list[StalledReader]]:
    """Connects a reader for each request; hangs up at the end."""
    with ExitStack() as stack:
        readers = []
        for request in requests:
            readers.append(StalledReader(port, request))
            stack.callback(readers[-1].connection.close)
        yield readers


def stuck(service: LiveService) -> int:
    """How many connections have as much waiting for their caller as they may."""
    connections = service.server.server_state.connections
    return sum(isinstance(one, BoundedProtocol) and one.flow.write_paused for one in connections)


def waiting_bytes(service: LiveService) -> int:
    """What waits in the service for callers to take it."""
    connections = service.server.server_state.connections
    return sum(one.transport.get_write_buffer_size() for one in connections if isinstance(one, BoundedProtocol))


async def to_be_stuck(service: LiveService, count: int) -> None:
    """Returns when so many are."""
    await eventually(lambda: stuck(service) == count, within=20, what=f"{count} readers stuck")
