"""The connections of a transport: how many at once, which to use again, how to make one."""

import asyncio
import random
import socket
import ssl
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property

import httpx

from chatcore_inference.http.connection import Connection
from chatcore_inference.http.epoll_reader import EpollReader
from chatcore_inference.http.origin import Origin
from chatcore_inference.http.preconnector import Preconnector

# A connection that was free for longer may be about to be closed by the other side.
_IDLE_SECONDS = 30.0
# A service that restarts refuses connections for a moment; halved or doubled at random, so that callers spread.
_PAUSES_SECONDS = (0.05, 0.2)
# From so many at once on one more is made ahead.
_FEWEST_IN_USE = 2
# From so many open on, all are read in turns with everything else that the event loop has to do. Fewer are read by the
# loop itself, which takes two system calls for a token that comes alone, and not three.
_MANY = 512


class Pool:
    """At most `max_connections` in use at once; whoever needs one more waits in line.

    A connection counts until its exchange is over, which for a stream may be a moment after its reader has left.

    While several are in use, one more is made ahead as soon as none is free, so that whoever comes next does not wait
    for a handshake; whoever asks one thing after the other has the connection of the last one. Once made it is free
    like any other: it does not count, is closed when nobody wants it for a while, and may turn out stale.
    """

    def __init__(self, *, max_connections: int, max_header_bytes: int, ssl_context: ssl.SSLContext | None) -> None:
        self._places = asyncio.Semaphore(max_connections)
        self._max_header_bytes = max_header_bytes
        self._given_ssl_context = ssl_context
        self._open: dict[Connection, Origin] = {}
        # Newest last: those used least fall idle for good, and are closed.
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._preconnector = Preconnector(self._make_spare)
        self._epoll_reader: EpollReader | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._emptied = asyncio.Event()

    async def acquire(
        self, origin: Origin, *, connect_seconds: float | None, queue_seconds: float | None, fresh: bool
    ) -> Connection:
        """A connection for one exchange; a new one if `fresh` or if none is free.

        Raises:
            httpx.PoolTimeout, httpx.ConnectTimeout, httpx.ConnectError: there is none.
        """
        await self._take_place(queue_seconds)
        if fresh:
            self._close_idle(origin)  # One was found stale; those that were free beside it are no better.
        try:
            idle = None if fresh else self._pop_idle(origin)
            connection = idle or await self._connect(origin, connect_seconds, _PAUSES_SECONDS)
        except BaseException:
            self._places.release()
            raise
        if not self._idle[origin] and len(self._open) >= _FEWEST_IN_USE:
            self._preconnector.prepare(origin, connect_seconds)
        return connection

    async def close(self) -> None:
        """Closes every connection, whatever it is doing; returns when all are closed."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self._is_closed = True
        await self._preconnector.close()
        for connection in self._open:
            connection.abort()
        if self._open:
            self._emptied.clear()
            await self._emptied.wait()
        if self._epoll_reader is not None:
            self._epoll_reader.close()
            self._epoll_reader = None

    async def _take_place(self, seconds: float | None) -> None:
        try:
            # A timer that is hardly ever needed is what the rest of it costs.
            async with asyncio.timeout(seconds if self._places.locked() else None):
                await self._places.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("All connections are in use.") from error

    async def _make_spare(self, origin: Origin, seconds: float | None) -> None:
        if self._places.locked():
            return
        # It takes a place for as long as this takes, or there could be one connection too many.
        async with self._places:
            # Tried once: a service that is away is not to be asked again before somebody wants something of it.
            connection = await self._connect(origin, seconds, pauses=())
            self._keep(connection)

    async def _connect(self, origin: Origin, seconds: float | None, pauses: Sequence[float]) -> Connection:
        connection = Connection(on_free=self._freed, on_gone=self._gone, max_header_bytes=self._max_header_bytes)
        try:
            async with asyncio.timeout(seconds):
                await self._connect_patiently(connection, origin, pauses)
        except TimeoutError as error:
            connection.abort()
            raise httpx.ConnectTimeout("No connection was made in time.") from error
        except BaseException:
            connection.abort()
            raise
        if connection.is_gone or self._is_closed:
            connection.abort()
            raise httpx.ConnectError("The connection was closed at once.")
        self._open[connection] = origin
        if len(self._open) >= _MANY and sys.platform == "linux":
            self._read_in_turns(self._open if len(self._open) == _MANY else [connection])
        return connection

    async def _connect_patiently(self, connection: Connection, origin: Origin, pauses: Sequence[float]) -> None:
        for pause in pauses:
            try:
                return await self._connect_once(connection, origin)
            except (ssl.SSLError, socket.gaierror) as error:
                raise httpx.ConnectError("No connection could be made.") from error
            except OSError:
                await asyncio.sleep(pause * random.uniform(0.5, 2))  # noqa: S311 - spread, not secret
        try:
            return await self._connect_once(connection, origin)
        except OSError as error:
            raise httpx.ConnectError("No connection could be made.") from error

    async def _connect_once(self, connection: Connection, origin: Origin) -> None:
        context = self._ssl_context if origin.scheme == "https" else None
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: connection, origin.host, origin.port, ssl=context)

    def _read_in_turns(self, connections: Iterable[Connection]) -> None:
        self._epoll_reader = self._epoll_reader or EpollReader()
        for connection in connections:
            # What is encrypted can be read by its transport only.
            if self._open[connection].scheme == "http":
                connection.be_read_by(self._epoll_reader)

    @cached_property
    def _ssl_context(self) -> ssl.SSLContext:
        return self._given_ssl_context or ssl.create_default_context()

    def _pop_idle(self, origin: Origin) -> Connection | None:
        idle = self._idle[origin]
        oldest = asyncio.get_running_loop().time() - _IDLE_SECONDS
        while idle:
            connection = idle.pop()
            if not connection.is_gone and connection.idle_since > oldest:
                return connection
            connection.abort()
        return None

    def _close_idle(self, origin: Origin) -> None:
        for connection in self._idle.pop(origin, ()):
            connection.abort()

    def _freed(self, connection: Connection) -> None:
        self._places.release()
        if not connection.is_gone:
            self._keep(connection)

    def _keep(self, connection: Connection) -> None:
        """For whoever comes next."""
        loop = asyncio.get_running_loop()
        connection.has_waited = True
        connection.idle_since = loop.time()
        self._idle[self._open[connection]].append(connection)
        if self._sweep is None:
            self._sweep = loop.call_later(_IDLE_SECONDS, self._close_those_long_idle, loop)

    def _close_those_long_idle(self, loop: asyncio.AbstractEventLoop) -> None:
        oldest = loop.time() - _IDLE_SECONDS
        for idle in self._idle.values():
            while idle and idle[0].idle_since <= oldest:
                idle.pop(0).abort()
        is_any_left = any(self._idle.values())
        self._sweep = loop.call_later(_IDLE_SECONDS, self._close_those_long_idle, loop) if is_any_left else None

    def _gone(self, connection: Connection) -> None:
        if self._epoll_reader is not None:
            self._epoll_reader.forget(connection)
        origin = self._open.pop(connection, None)
        if origin is not None and connection in self._idle[origin]:
            self._idle[origin].remove(connection)
        if not self._open:
            self._emptied.set()
