"""Callers that request a stream and read nothing, with the smallest buffers that the kernel allows."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService
from tests.integration.faults.waiting import eventually

from chatcore_service.server.protocol import BoundedProtocol

# The kernel doubles the value and enforces a minimum.
_KERNEL_BYTES = 4096


def leave_the_kernel_little(service: LiveService) -> None:
    """Gives new connections the smallest kernel buffers, so that unread bytes wait in the service."""
    for listener in service.server.servers[0].sockets:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)


def hold_up_who_is_behind(service: LiveService) -> None:
    """Lowers the write limits of open connections, so that nothing more is sent while any byte waits."""
    for connection in service.server.server_state.connections:
        if isinstance(connection, BoundedProtocol):
            connection._connection._transport.set_write_buffer_limits(0)


def following(path: str) -> bytes:
    """Returns a request that follows a reply."""
    return f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {ALICE['Authorization']}\r\n\r\n".encode()


def sending(conversation: str, key: str, content: str = "hi") -> bytes:
    """Returns a request that sends a message; repeated with the same key, it adds a reader of the same frames."""
    body = b'{"content":"%b"}' % content.encode()
    head = (
        f"POST {conversation}/messages HTTP/1.1\r\nhost: x\r\nauthorization: {ALICE['Authorization']}\r\n"
        f"content-type: application/json\r\nidempotency-key: {key}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class StalledReader:
    """A caller that reads nothing until it is told to."""

    def __init__(self, port: int, request: bytes) -> None:
        self._rest = b""
        self.connection = socket.socket()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BYTES)
        self.connection.connect(("127.0.0.1", port))
        self.connection.sendall(request)
        self.connection.setblocking(False)

    async def until(self, end: bytes) -> bytes:
        """Reads everything up to the given ending."""
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
    """Connects a reader for each request, and disconnects them after the block."""
    with ExitStack() as stack:
        readers = []
        for request in requests:
            readers.append(StalledReader(port, request))
            stack.callback(readers[-1].connection.close)
        yield readers


def stuck(service: LiveService) -> int:
    """Returns how many connections have reached their write limit."""
    connections = service.server.server_state.connections
    return sum(isinstance(one, BoundedProtocol) and one.flow.write_paused for one in connections)


def waiting_bytes(service: LiveService) -> int:
    """Returns how many bytes wait in the service for slow callers."""
    connections = service.server.server_state.connections
    return sum(one.transport.get_write_buffer_size() for one in connections if isinstance(one, BoundedProtocol))


async def to_be_stuck(service: LiveService, count: int) -> None:
    """Returns when this number of connections has reached the write limit."""
    await eventually(lambda: stuck(service) == count, within=20, what=f"{count} readers stuck")
