"""Waits for the server's answers on one shared epoll object, which saves a timer and six system calls per wait.

psycopg registers the socket of a connection with the event loop for every wait, and an answer of fifty kilobytes takes
several waits. Here the loop watches one epoll object while a pool is open, and a wait is one entry in that object.

libpq owns the sockets and closes them at any time, even during a wait. The kernel removes a closed socket from an epoll
object by itself. An event loop that kept watching the socket would miss the next socket that gets the same number.
"""

import asyncio
import select
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.waiting import Ready, Wait, wait_async

_Result = TypeVar("_Result")

# These are plain numbers, as the generators yield them, because members of the enumeration take longer to compare.
_TO_READ = int(Wait.R)
_CAN_READ = int(Ready.R)

_IDLE = int(TransactionStatus.IDLE)

_MAX_EVENTS = 64

#: How long the server has to cancel a statement whose caller no longer waits, in seconds.
GIVE_UP_SECONDS = 0.5


class SharedEpoll:
    """Waits until sockets have data to read; works on Linux only, in the event loop that created it."""

    def __init__(self) -> None:
        self.is_open = True
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._epoll = select.epoll()
        self._loop.add_reader(self._epoll.fileno(), self._look)

    def close(self) -> None:
        """Stops waiting and wakes all waiting tasks. A second call does nothing."""
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            for descriptor in tuple(self._waiting):
                self._wake(descriptor)

    async def readable(self, descriptor: int) -> None:
        """Returns when the socket has data or has ended, or earlier."""
        waiting = self._waiting[descriptor] = self._loop.create_future()
        try:
            self._watch(descriptor)
            await waiting
        finally:
            del self._waiting[descriptor]

    def _watch(self, descriptor: int) -> None:
        # One event is awaited: an idle connection that the server ends must not wake the loop until it is read.
        once = select.EPOLLIN | select.EPOLLONESHOT
        try:
            self._epoll.modify(descriptor, once)
        except FileNotFoundError:
            # The epoll object does not know this number, or knew another socket by it.
            self._epoll.register(descriptor, once)

    def _look(self) -> None:
        for descriptor, _ in self._epoll.poll(0, _MAX_EVENTS):
            self._wake(descriptor)

    def _wake(self, descriptor: int) -> None:
        waiting = self._waiting.get(descriptor)
        # A task that was cancelled leaves its entry behind.
        if waiting is not None and not waiting.done():
            waiting.set_result(None)


class WaitingConnection(AsyncConnection[Any]):
    """Waits for answers on a :class:`SharedEpoll`, if it has one.

    psycopg does the rest: it waits until more can be written, and cancels a statement.
    """

    readiness: SharedEpoll | None = None
    #: The schema of the tables that statements name.
    schema: str = "public"
    #: How often the pool had left a read-only server when this connection was made.
    departure: int = 0
    _poll: "select.poll | None" = None

    def has_data(self) -> bool:
        """Returns whether there is data to read; on an idle connection, data is the message that ends it."""
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.fileno(), select.POLLIN)
        return bool(self._poll.poll(0))

    def is_idle(self) -> bool:
        """Returns whether the connection is open and in no transaction."""
        return self.pgconn.transaction_status == _IDLE

    async def wait(self, gen: PQGen[_Result], interval: float = 0.1, timeout: float | None = None) -> _Result:  # noqa: ASYNC109 - psycopg sets the signature
        """Runs `gen` to its end, and waits each time `gen` asks for it."""
        try:
            return await self._wait(gen, interval, timeout)
        except asyncio.CancelledError as error:
            await self._give_up(gen, error)
            raise

    async def _wait(self, gen: PQGen[_Result], interval: float, seconds: float | None) -> _Result:
        readiness = self.readiness
        if readiness is None or seconds is not None:
            return await wait_async(gen, self.pgconn.socket, interval, seconds)
        try:
            state: int = next(gen)
            while state == _TO_READ and readiness.is_open:
                await readiness.readable(self.pgconn.socket)
                state = gen.send(_CAN_READ)
        except StopIteration as end:
            result: _Result = end.value
            return result
        except OSError as error:
            raise psycopg.OperationalError("connection socket closed") from error
        return await wait_async(_Begun(gen, state), self.pgconn.socket, interval)

    async def _give_up(self, gen: PQGen[_Result], error: asyncio.CancelledError) -> None:
        # A cancelled psycopg asks the server to cancel the statement, and waits up to ten seconds for a silent server.
        # A second cancellation makes psycopg close the connection at once.
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                await super().wait(_Begun(gen, error))
        except TimeoutError:
            raise error from None


class _Begun(Generator[Any, Any, _Result]):
    """Replays the last step of a generator, then delegates to the generator."""

    def __init__(self, gen: PQGen[_Result], last: int | BaseException) -> None:
        self._gen = gen
        self._last: int | BaseException | None = last

    def send(self, value: Any) -> Any:  # noqa: ANN401 - psycopg sets the types
        last, self._last = self._last, None
        if isinstance(last, BaseException):
            raise last
        return self._gen.send(value) if last is None else last

    def throw(self, *error: Any) -> Any:  # noqa: ANN401 - the library sets the types
        return self._gen.throw(*error)
