"""Provides an auth service or an issuer on loopback whose behaviour a test defines, down to single bytes."""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import orjson
from attrs import Factory, define, frozen

from chatcore.testing import AuthFault
from chatcore.user import User

REPLY = b'{"valid":true,"user":{"id":"u"},"claims":{}}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(REPLY) + REPLY


@frozen
class Request:
    """Holds a request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Behaviour = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(behave: Behaviour) -> AsyncGenerator[str]:
    """Runs a server that calls `behave` with each request; yields its address."""
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                await behave(await _next_request(reader), writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _next_request(reader: asyncio.StreamReader) -> Request:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    method, path, _ = first.split()
    return Request(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))


async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(WHOLE)
    await writer.drain()


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection with RST, like a process that is killed with unread data."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@define
class ScriptedAuthServer:
    """Implements the contract tests' auth service; `handle` is its behaviour for :func:`serving`."""

    users: dict[str, User] = Factory(dict)
    trace_ids: list[str | None] = Factory(list)
    fault: AuthFault | None = None

    def accept(self, token: str, user: User) -> None:
        self.users[token] = user

    def reject(self, token: str) -> None:
        self.users.pop(token, None)

    def fail(self, fault: AuthFault) -> None:
        self.fault = fault

    def recover(self) -> None:
        self.fault = None

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if self.fault is AuthFault.UNREACHABLE:
            reset(writer)
            return
        if self.fault is AuthFault.SLOW:
            await asyncio.Event().wait()
        status, body = self._validate(request) if request.method == "POST" else ("404 Not Found", b"")
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    def _validate(self, request: Request) -> tuple[str, bytes]:
        self.trace_ids.append(request.headers.get("x-trace-id"))
        user = self.users.get(orjson.loads(request.body)["token"])
        match self.fault:
            case AuthFault.ERROR:
                return "500 Internal Server Error", b""
            case AuthFault.KEY_REFUSED:
                return "403 Forbidden", b"{}"
            case AuthFault.NONSENSE:
                return "200 OK", b'{"valid":"yes","user":{"id":7}}'
            case AuthFault.NAMELESS_USER:
                return "200 OK", b'{"valid":true,"user":{"id":""}}'
            case _:
                return ("200 OK", _vouching(user)) if user else ("401 Unauthorized", b'{"valid":false}')


def _vouching(user: User) -> bytes:
    claims = {"sub": user.id} | ({"exp": int(user.expires_at.timestamp())} if user.expires_at else {})
    return orjson.dumps({"valid": True, "user": {"id": user.id, "is_admin": user.is_admin}, "claims": claims})
