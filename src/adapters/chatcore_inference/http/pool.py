"""Makes the connections of a transport, limits them and reuses them."""

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

# A connection that has been idle for longer may be about to be closed by the service.
_IDLE_SECONDS = 30.0
# A service that restarts refuses connections for a moment, so attempts are repeated after these pauses. Each pause is
# multiplied by a random factor of 0.5 to 2, which spreads the callers.
_PAUSES_SECONDS = (0.05, 0.2)
# With at least this many connections open, another connection is opened ahead of its use.
_FEWEST_IN_USE = 2
# With at least this many connections open, an epoll reader reads them in batches, so that other tasks get their turn.
# Fewer connections are read by the event loop, which takes two system calls, not three, for a token that comes alone.
_MANY = 512


class Pool:
    """Checks out at most `max_connections` connections at once; further callers wait in line.

    A connection counts until its exchange is over, which for a stream may be a moment after its reader has left.

    While several connections are open and none is idle, the pool opens one more, so that the next caller does not wait
    for a handshake. A caller that sends one request after the other needs no additional connection, because it reuses
    its own. The new connection is idle like any other: it does not count, is closed if no caller takes it for a while,
    and may turn out stale.
    """

    def __init__(self, *, max_connections: int, max_header_bytes: int, ssl_context: ssl.SSLContext | None) -> None:
        self._places = asyncio.Semaphore(max_connections)
        self._max_header_bytes = max_header_bytes
        self._given_ssl_context = ssl_context
        self._open: dict[Connection, Origin] = {}
        # The newest is last and is taken first, so that surplus connections stay idle and are closed.
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._preconnector = Preconnector(self._preconnect)
        self._epoll_reader: EpollReader | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._emptied = asyncio.Event()

    async def acquire(
        self, origin: Origin, *, connect_seconds: float | None, queue_seconds: float | None, fresh: bool
    ) -> Connection:
        """Returns a connection for one exchange: a new one if `fresh` is set or none is idle.

        Raises:
            httpx.PoolTimeout: no connection became free within `queue_seconds`.
            httpx.ConnectTimeout, httpx.ConnectError: no connection could be made.
        """
        await self._wait_for_place(queue_seconds)
        if fresh:
            self._close_idle(origin)  # One connection was stale, so the other idle ones are suspect, too.
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
        """Closes every connection, in any state, and returns when all are closed."""
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

    async def _wait_for_place(self, seconds: float | None) -> None:
        try:
            # The timer would cost as much as the rest of this method, and is hardly ever needed.
            async with asyncio.timeout(seconds if self._places.locked() else None):
                await self._places.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("All connections are in use.") from error

    async def _preconnect(self, origin: Origin, seconds: float | None) -> None:
        # A connection may have become idle meanwhile: another one beside it could be one too many.
        if self._places.locked() or self._idle[origin]:
            return
        # The connection takes a place while it is being made, or there could be one too many.
        async with self._places:
            # There is one attempt only, because an unavailable service is left alone until a request needs it.
            connection = await self._connect(origin, seconds, pauses=())
            self._keep(connection)

    async def _connect(self, origin: Origin, seconds: float | None, pauses: Sequence[float]) -> Connection:
        connection = Connection(on_free=self._on_free, on_gone=self._on_gone, max_header_bytes=self._max_header_bytes)
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
            self._read_in_batches(self._open if len(self._open) == _MANY else [connection])
        return connection

    async def _connect_patiently(self, connection: Connection, origin: Origin, pauses: Sequence[float]) -> None:
        for pause in pauses:
            try:
                return await self._connect_once(connection, origin)
            except (ssl.SSLError, socket.gaierror) as error:
                raise httpx.ConnectError("No connection could be made.") from error
            except OSError:
                await asyncio.sleep(pause * random.uniform(0.5, 2))  # noqa: S311 - the number is no secret
        try:
            return await self._connect_once(connection, origin)
        except OSError as error:
            raise httpx.ConnectError("No connection could be made.") from error

    async def _connect_once(self, connection: Connection, origin: Origin) -> None:
        context = self._ssl_context if origin.scheme == "https" else None
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: connection, origin.host, origin.port, ssl=context)

    def _read_in_batches(self, connections: Iterable[Connection]) -> None:
        self._epoll_reader = self._epoll_reader or EpollReader()
        for connection in connections:
            # Only the transport of an encrypted socket can read it.
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

    def _on_free(self, connection: Connection) -> None:
        self._places.release()
        if not connection.is_gone:
            self._keep(connection)

    def _keep(self, connection: Connection) -> None:
        """Makes the connection available to the next caller."""
        loop = asyncio.get_running_loop()
        connection.has_waited = True
        connection.idle_since = loop.time()
        self._idle[self._open[connection]].append(connection)
        if self._sweep is None:
            self._sweep = loop.call_later(_IDLE_SECONDS, self._close_expired, loop)

    def _close_expired(self, loop: asyncio.AbstractEventLoop) -> None:
        oldest = loop.time() - _IDLE_SECONDS
        for idle in self._idle.values():
            while idle and idle[0].idle_since <= oldest:
                idle.pop(0).abort()
        is_any_left = any(self._idle.values())
        self._sweep = loop.call_later(_IDLE_SECONDS, self._close_expired, loop) if is_any_left else None

    def _on_gone(self, connection: Connection) -> None:
        if self._epoll_reader is not None:
            self._epoll_reader.forget(connection)
        origin = self._open.pop(connection, None)
        if origin is not None and connection in self._idle[origin]:
            self._idle[origin].remove(connection)
        if not self._open:
            self._emptied.set()
