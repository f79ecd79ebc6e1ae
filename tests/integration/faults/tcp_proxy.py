"""A TCP proxy that injures what passes through it, switchable while it runs."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Self

from attrs import Factory, define

_CHUNK_BYTES = 64 * 1024


@define(eq=False)
class Link:
    """One connection through the proxy: the caller's side and the service's side."""

    caller_reader: asyncio.StreamReader
    caller_writer: asyncio.StreamWriter
    service_reader: asyncio.StreamReader
    service_writer: asyncio.StreamWriter

    def reset(self) -> None:
        """Breaks both sides with an RST."""
        for writer in (self.caller_writer, self.service_writer):
            abort(writer)

    def close(self) -> None:
        """Closes both sides with a FIN."""
        self.caller_writer.close()
        self.service_writer.close()


def abort(writer: asyncio.StreamWriter) -> None:
    """Breaks a connection with an RST."""
    sock: socket.socket | None = writer.get_extra_info("socket")
    # A socket that is closed already has nothing to reset.
    with suppress(OSError):
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@define(eq=False)
class TcpProxy:
    """Stands on a port of its own before the service at `host`:`port`; ``async with`` starts and stops it.

    All of it can be changed at any time and applies to connections that stand, in both directions.
    """

    service_host: str
    service_port: int
    #: How long each piece is kept back.
    delay_seconds: float = 0.0
    #: Pieces are cut to this many bytes and travel in packets of their own.
    slice_bytes: int | None = None
    #: Whether new connections are reset at once.
    refuses: bool = False
    #: Where the proxy listens, once started.
    port: int = 0
    #: The connections that stand.
    links: set[Link] = Factory(set)
    _passable: asyncio.Event = Factory(asyncio.Event)
    _server: asyncio.Server | None = None
    _tasks: set["asyncio.Task[None]"] = Factory(set)

    async def __aenter__(self) -> Self:
        self._passable.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def base_url(self) -> str:
        """Returns the proxy as an HTTP service."""
        return f"http://127.0.0.1:{self.port}"

    # -- Faults ---------------------------------------------------------------------------------------------------

    def reset_all(self) -> int:
        """Breaks every connection with an RST; how many there were."""
        links = tuple(self.links)
        for link in links:
            link.reset()
        return len(links)

    def swallow(self) -> None:
        """Lets nothing through any more, without a word: a black hole. What is sent meanwhile is held back."""
        self._passable.clear()

    def heal(self) -> None:
        """Ends every fault that lasts; what was held back arrives."""
        self.delay_seconds = 0.0
        self.slice_bytes = None
        self.refuses = False
        self._passable.set()

    # -- Work -----------------------------------------------------------------------------------------------------

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            abort(writer)
            return
        try:
            service = await asyncio.open_connection(self.service_host, self.service_port)
        except OSError:
            # The service is not there; the caller is to see what it would see without us.
            abort(writer)
            return
        link = Link(reader, writer, *service)
        self.links.add(link)
        try:
            await self._relay(link)
        finally:
            self.links.discard(link)
            link.close()

    async def _relay(self, link: Link) -> None:
        ways = (asyncio.create_task(self._to_service(link)), asyncio.create_task(self._to_caller(link)))
        try:
            # A side that has ended is passed on as such (half-close); an error ends both.
            await asyncio.gather(*ways)
        except (OSError, asyncio.IncompleteReadError):
            link.reset()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _to_service(self, link: Link) -> None:
        await self._pump(link.caller_reader, link.service_writer)

    async def _to_caller(self, link: Link) -> None:
        await self._pump(link.service_reader, link.caller_writer)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(_CHUNK_BYTES):
            await self._pass_on(data, sink)
        sink.write_eof()

    async def _pass_on(self, data: bytes, sink: asyncio.StreamWriter) -> None:
        size = self.slice_bytes or len(data)
        for start in range(0, len(data), size):
            if self.delay_seconds:
                await asyncio.sleep(self.delay_seconds)
            await self._passable.wait()
            sink.write(data[start : start + size])
            await sink.drain()
