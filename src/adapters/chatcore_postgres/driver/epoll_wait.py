"""Waits for the server's answers, with one timer and six system calls less a wait than psycopg takes by itself.

psycopg has the event loop watch a connection's socket anew for every wait, and an answer of fifty kilobytes comes in
several. Here the loop watches one epoll object for as long as a pool is open, and a wait is one entry of that.

The sockets are libpq's, which closes them as it likes, also while they are waited for. The kernel takes a closed one
out of an epoll object by itself. A loop that went on watching it would miss whoever gets the same number next.
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

# Plain numbers, as the generators give them: the enumeration's members take longer to compare.
_TO_READ = int(Wait.R)
_CAN_READ = int(Ready.R)

_IDLE = int(TransactionStatus.IDLE)

_MOST_AT_ONCE = 64

#: How long a server has to give up what it was asked when nobody waits for it any more.
GIVE_UP_SECONDS = 0.5


class SharedEpoll:
    """Tells when sockets have something to read. Linux only; made in the event loop that will use it."""

    def __init__(self) -> None:
        self.is_open = True
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._epoll = select.epoll()
        self._loop.add_reader(self._epoll.fileno(), self._look)

    def close(self) -> None:
        """Waits no more, and lets everybody go who does; again does nothing."""
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            for descriptor in tuple(self._waiting):
                self._wake(descriptor)

    async def readable(self, descriptor: int) -> None:
        """Returns when there is something to read, or its end; now and then sooner."""
        waiting = self._waiting[descriptor] = self._loop.create_future()
        try:
            self._watch(descriptor)
            await waiting
        finally:
            del self._waiting[descriptor]

    def _watch(self, descriptor: int) -> None:
        # For one event: an idle connection to which the server says goodbye must not wake us until somebody reads it.
        once = select.EPOLLIN | select.EPOLLONESHOT
        try:
            self._epoll.modify(descriptor, once)
        except FileNotFoundError:
            # Another socket had this number before, or none.
            self._epoll.register(descriptor, once)

    def _look(self) -> None:
        for descriptor, _ in self._epoll.poll(0, _MOST_AT_ONCE):
            self._wake(descriptor)

    def _wake(self, descriptor: int) -> None:
        waiting = self._waiting.get(descriptor)
        # Who was cancelled has left its entry behind.
        if waiting is not None and not waiting.done():
            waiting.set_result(None)


class WaitingConnection(AsyncConnection[Any]):
    """psycopg's connection, which waits for answers by a :class:`SharedEpoll` when it is given one.

    All but that it leaves to psycopg: to wait until more can be written, and to give up when it is cancelled.
    """

    readiness: SharedEpoll | None = None
    _poll: "select.poll | None" = None

    def has_news(self) -> bool:
        """Whether there is something to read. An idle server says nothing, unless it is to say goodbye."""
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.fileno(), select.POLLIN)
        return bool(self._poll.poll(0))

    def is_idle(self) -> bool:
        """Whether it is open, and in the middle of nothing."""
        return self.pgconn.transaction_status == _IDLE

    async def wait(self, gen: PQGen[_Result], interval: float = 0.1, timeout: float | None = None) -> _Result:  # noqa: ASYNC109 - psycopg's signature
        """Carries on with `gen` whenever it can go on, to its end."""
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
        # psycopg, cancelled, asks the server to give up and waits for it: up to ten seconds where the server is silent.
        # Cancelled once more it closes the connection at once.
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                await super().wait(_Begun(gen, error))
        except TimeoutError:
            raise error from None


class _Begun(Generator[Any, Any, _Result]):
    """A generator from where it is: it first does once more what came last, to somebody else."""

    def __init__(self, gen: PQGen[_Result], last: int | BaseException) -> None:
        self._gen = gen
        self._last: int | BaseException | None = last

    def send(self, value: Any) -> Any:  # noqa: ANN401 - as psycopg types it
        last, self._last = self._last, None
        if isinstance(last, BaseException):
            raise last
        return self._gen.send(value) if last is None else last

    def throw(self, *error: Any) -> Any:  # noqa: ANN401 - as the library types it
        return self._gen.throw(*error)
