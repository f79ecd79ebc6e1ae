"""Provides a scriptable inference service: exact bytes, exact packet boundaries, and every way to break off.

Start it, give it scripts, point a client at it::

    async with InferenceServer() as server:
        server.on("/generate", stream(token("Hel"), token("lo"), DONE))
        ...
        server.on("/generate", packets(STREAM_HEAD, chunk(token("Hel")), then=reset))
        ...
        await server.until(lambda: server.early_closes == 1)

A script is an async function of the :class:`Call` it answers; it may be replaced while the server runs. It decides what
goes over the wire and when; the server reads requests, keeps the connection alive and notices when the caller leaves.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Self

import orjson
from attrs import Factory, define, frozen

from chatcore.testing import ReplyEnd, ScriptedReply

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
)
#: The same, with a body that ends when the connection does.
CLOSE_DELIMITED_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
DONE = b'data: {"done":true}\n\n'


def token(text: str) -> bytes:
    """Returns the frame of one token."""
    return b"data: " + orjson.dumps({"token": text, "gpu": 0}) + b"\n\n"


def chunk(data: bytes) -> bytes:
    """Returns `data` as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@frozen
class Request:
    """Holds what a caller asked."""

    method: str
    path: str
    #: Names in lower case.
    headers: dict[str, str]
    body: bytes

    def json(self) -> object:
        """Returns the parsed body."""
        parsed: object = orjson.loads(self.body)
        return parsed


@define(eq=False)
class Call:
    """Answers one request."""

    request: Request
    _writer: asyncio.StreamWriter
    #: Whether the connection may carry another request once the script has returned.
    is_kept_alive: bool = True

    async def send(self, *parts: bytes) -> None:
        """Sends each part in a packet of its own."""
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()
            # The receiver shares this event loop or at least this machine: a moment later it has read the packet.
            await asyncio.sleep(0.001)

    def reset(self) -> None:
        """Breaks the connection with an RST."""
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.is_kept_alive = False
        self._writer.transport.abort()

    def close(self) -> None:
        """Closes the connection with a FIN, after what was sent."""
        self.is_kept_alive = False
        self._writer.close()


Script = Callable[[Call], Awaitable[None]]


async def reset(call: Call) -> None:
    """Breaks the connection; a script, or the end of one."""
    call.reset()


async def close(call: Call) -> None:
    """Closes the connection; a script, or the end of one."""
    call.close()


async def hang(_call: Call) -> None:
    """Sends nothing until the caller leaves; a script, or the end of one."""
    await asyncio.Event().wait()


async def keep_alive(_call: Call) -> None:
    """Keeps the connection for the next request; the end of a script."""


def packets(*parts: bytes, then: Script = close) -> Script:
    """Returns a script that sends each part in a packet of its own."""

    async def script(call: Call) -> None:
        await call.send(*parts)
        await then(call)

    return script


def stream(*frames: bytes, then: Script = keep_alive) -> Script:
    """Returns a script for a proper event stream: a chunk and a packet for each frame, the end with the last."""
    *first, last = map(chunk, frames)
    return packets(STREAM_HEAD, *first, last + LAST_CHUNK, then=then)


def answer(status: int, body: bytes, media_type: str = "application/json", *headers: bytes) -> Script:
    """Returns a script for a proper answer of known length."""
    head = b"HTTP/1.1 %d Whatever\r\nContent-Type: %b\r\nContent-Length: %d\r\n"
    lines = b"".join(header + b"\r\n" for header in headers)
    return packets(head % (status, media_type.encode(), len(body)) + lines + b"\r\n" + body, then=keep_alive)


def scripted(reply: ScriptedReply, events: Iterable[bytes]) -> Script:
    """Returns a script for `reply`, whose events the caller has written in a protocol's format."""
    last = LAST_CHUNK if reply.end is ReplyEnd.CLOSE else b""
    wire = STREAM_HEAD + b"".join(map(chunk, events)) + last
    size = reply.packet_bytes or len(wire)
    then = {ReplyEnd.CLOSE: keep_alive, ReplyEnd.BREAK: reset, ReplyEnd.SILENCE: hang}[reply.end]
    return packets(*(wire[at : at + size] for at in range(0, len(wire), size)), then=then)


def in_turn(*scripts: Script) -> Script:
    """Returns a script that uses one of `scripts` for each call in turn, and the last one for all further calls."""
    left = list(scripts)

    async def script(call: Call) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(call)

    return script


MODELS = b'{"current_model":"eliza","models":[{"model_tag":"eliza","source":"x","path":"y","loaded":true}]}'


@define(eq=False)
class InferenceServer:
    """Serves scripts on loopback; ``async with`` starts and stops it."""

    _tls: ssl.SSLContext | None = None
    #: Every request so far, oldest first.
    requests: list[Request] = Factory(list)
    #: Connections accepted so far.
    connections: int = 0
    #: Connections that stand.
    open_connections: int = 0
    #: Callers that left before their answer was complete.
    early_closes: int = 0
    port: int = 0
    _scripts: dict[str, Script] = Factory(dict)
    _server: asyncio.Server | None = None
    _tasks: set["asyncio.Task[None]"] = Factory(set)

    def __attrs_post_init__(self) -> None:
        self._scripts = {
            "/generate": stream(token("Hel"), token("lo"), DONE),
            "/models": answer(200, MODELS),
            "/models/swap": answer(202, b'{"status":"ok","current_model":"eliza"}'),
        }

    @property
    def base_url(self) -> str:
        """Returns the address of the service, also while it is stopped."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def on(self, path: str, script: Script) -> None:
        """Answers `path` with `script` from now on."""
        self._scripts[path] = script

    def calls(self, path: str) -> int:
        """Returns how many requests for `path` came."""
        return sum(request.path == path for request in self.requests)

    async def start(self) -> None:
        """Listens on a free port the first time, and on the same one afterwards."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Refuses new connections until the next start."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def stop(self) -> None:
        """Breaks all connections and refuses new ones until the next start."""
        self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until(self, condition: Callable[[], bool], *, seconds: float = 5.0) -> None:
        """Waits for `condition` to hold."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - anything may be waited for, with no event of its own
                await asyncio.sleep(0.001)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve_requests(reader, writer)
        finally:
            self.open_connections -= 1
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve_requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(1)
        while first:
            call = Call(await _read_request(first, reader), writer)
            self.requests.append(call.request)
            first = await self._answer(call, reader)
            if not call.is_kept_alive:
                return
            first = first or await reader.read(1)

    async def _answer(self, call: Call, reader: asyncio.StreamReader) -> bytes:
        """Runs the script; returns the first byte of the next request if it came meanwhile."""
        script = self._scripts.get(call.request.path, answer(404, b"{}"))
        running = asyncio.ensure_future(script(call))
        listening = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait((running, listening), return_when=asyncio.FIRST_COMPLETED)
            if _has_left(running, listening):
                self.early_closes += 1
                call.is_kept_alive = False
                return b""
            await running
            running.result()
            return listening.result() if listening.done() and _caller_is_there(listening) else b""
        finally:
            running.cancel()
            listening.cancel()
            await asyncio.gather(running, listening, return_exceptions=True)


def _has_left(running: "asyncio.Task[None]", listening: "asyncio.Future[bytes]") -> bool:
    """Returns whether the caller left before its answer was complete, as the reading or the writing side saw."""
    if running.done():
        return not running.cancelled() and isinstance(running.exception(), ConnectionError)
    return not _caller_is_there(listening)


def _caller_is_there(listening: "asyncio.Future[bytes]") -> bool:
    return listening.exception() is None and bool(listening.result())


async def _read_request(first: bytes, reader: asyncio.StreamReader) -> Request:
    head = first + await reader.readuntil(b"\r\n\r\n")
    start, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    method, path, _ = start.split(" ")
    return Request(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
