"""Connections on loan: who wants one waits here, and one that was lent comes back whatever becomes of its borrower.

The pool has a queue of its own, behind a lock that all who take and all who give back must pass. When a busy event loop
lets that lock be held over a turn, everybody queues for it, one a turn from then on: a pool with connections to spare
lends five a second. And a deadline that interrupts a borrower there, giving back, loses the connection for good. So
nobody comes to the pool who would have to wait for a connection, and giving back is nobody's but its own task.

Nor does who need not. What comes back in order stays at hand for the next, who takes it without the lock and in the
same turn, and it takes no task to give it back. The pool sees each again every few seconds, for it decides how many
there are and how old they become.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic

import structlog
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from chatcore_postgres.driver.epoll_wait import WaitingConnection

# For what is on its way back when all is closed.
_CLOSE_SECONDS = 1.0
# How long what came back stays at hand, at most, before the pool sees it.
_AT_HAND_SECONDS = 10.0

_log = structlog.get_logger("chatcore_postgres")


class ConnectionCheckout:
    """Lends the connections of a pool.

    Args:
        pool: which lends to nobody else.
        max_waiting: how many may wait for a connection; 0 is without bound.
        seconds: how long each may wait.
    """

    def __init__(self, pool: AsyncConnectionPool[WaitingConnection], *, max_waiting: int, seconds: float) -> None:
        self._pool = pool
        self._max_waiting = max_waiting
        self._seconds = seconds
        self._places = asyncio.Semaphore(pool.max_size)
        # The event loop holds tasks weakly.
        self._coming_back: set[asyncio.Task[None]] = set()
        self._at_hand: list[WaitingConnection] = []
        self._putting_away: asyncio.TimerHandle | None = None
        # Who waits in the pool, for a connection that is made or comes back there.
        self._asking = 0
        self._is_open = True
        #: How many wait.
        self.waiting = 0
        #: How many were asked for so far.
        self.asked_for = 0

    @property
    def at_hand(self) -> int:
        """How many are lent to nobody, though the pool takes them to be."""
        return len(self._at_hand)

    async def take(self) -> WaitingConnection:
        """A connection, to be given back.

        Raises:
            psycopg_pool.PoolTimeout: there was none in time.
            psycopg_pool.TooManyRequests: too many wait already.
        """
        self.asked_for += 1
        seconds = self._seconds
        if self._places.locked():
            seconds = await self._wait_for_place()
        else:
            await self._places.acquire()  # At once.
        if self._at_hand:
            return self._at_hand.pop()
        self._asking += 1
        try:
            return await self._pool.getconn(seconds)
        except BaseException:
            self._places.release()
            raise
        finally:
            self._asking -= 1

    def give_back(self, connection: WaitingConnection) -> None:
        """It may be broken, or in the middle of something: the pool sees to that."""
        if self._is_open and not self._asking and connection.is_idle():
            self._keep_at_hand(connection)
            self._places.release()
        else:
            self._to_the_pool([connection]).add_done_callback(lambda _: self._places.release())

    async def close(self) -> None:
        """Closes the pool. Returns when all that was given back has come back there, or soon."""
        self._is_open = False
        self._put_away()
        await self._pool.close()
        if self._coming_back:
            _, late = await asyncio.wait(self._coming_back, timeout=_CLOSE_SECONDS)
            for task in late:
                task.cancel()

    async def _wait_for_place(self) -> float:
        """How many seconds are left."""
        if 0 < self._max_waiting <= self.waiting:
            raise TooManyRequests(f"{self.waiting} wait for a connection already")
        started = monotonic()
        self.waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                await self._places.acquire()
        except TimeoutError as error:
            raise PoolTimeout(f"no connection came back within {self._seconds} s") from error
        finally:
            self.waiting -= 1
        return max(self._seconds - (monotonic() - started), 0.0)

    def _keep_at_hand(self, connection: WaitingConnection) -> None:
        self._at_hand.append(connection)
        if self._putting_away is None:
            self._putting_away = asyncio.get_running_loop().call_later(_AT_HAND_SECONDS, self._put_away)

    def _put_away(self) -> None:
        """Lets the pool see what is at hand."""
        if self._putting_away is not None:
            self._putting_away.cancel()
            self._putting_away = None
            # The pool lends what came first.
            self._to_the_pool(self._at_hand[::-1])
            self._at_hand.clear()

    def _to_the_pool(self, connections: Sequence[WaitingConnection]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._return(connections))
        self._coming_back.add(task)
        task.add_done_callback(self._coming_back.discard)
        return task

    async def _return(self, connections: Sequence[WaitingConnection]) -> None:
        # One after the other, and nobody queues for the lock.
        for connection in connections:
            try:
                await self._pool.putconn(connection)
            except Exception as error:  # noqa: BLE001 - nobody awaits this task, so nobody else would hear of it
                _log.warning("database_connection_lost", error=type(error).__name__)
