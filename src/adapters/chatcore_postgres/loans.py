"""Connections on loan: who wants one waits here, and one that was lent comes back whatever becomes of its borrower.

The pool has a queue of its own, behind a lock that all who take and all who give back must pass. When a busy event loop
lets that lock be held over a turn, everybody queues for it, one a turn from then on: a pool with connections to spare
lends five a second. And a deadline that interrupts a borrower there, giving back, loses the connection for good. So
nobody comes to the pool who would have to wait for a connection, and giving back is nobody's but its own task.
"""

import asyncio
from time import monotonic

import structlog
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from chatcore_postgres.waiting import WaitingConnection

# For what is on its way back when all is closed.
_CLOSE_SECONDS = 1.0

_log = structlog.get_logger("chatcore_postgres")


class Loans:
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
        #: How many wait.
        self.waiting = 0

    async def take(self) -> WaitingConnection:
        """A connection, to be given back.

        Raises:
            psycopg_pool.PoolTimeout: there was none in time.
            psycopg_pool.TooManyRequests: too many wait already.
        """
        seconds = self._seconds
        if self._places.locked():
            seconds = await self._wait_for_place()
        else:
            await self._places.acquire()  # At once.
        try:
            return await self._pool.getconn(seconds)
        except BaseException:
            self._places.release()
            raise

    def give_back(self, connection: WaitingConnection) -> None:
        """It may be broken, or in the middle of something: the pool sees to that."""
        task = asyncio.create_task(self._give_back(connection))
        self._coming_back.add(task)
        task.add_done_callback(self._coming_back.discard)

    async def close(self) -> None:
        """Returns when all that was given back has come back, or soon."""
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

    async def _give_back(self, connection: WaitingConnection) -> None:
        try:
            await self._pool.putconn(connection)
        except Exception as error:  # noqa: BLE001 - nobody awaits this task, so nobody else would hear of it
            _log.warning("database_connection_lost", error=type(error).__name__)
        finally:
            self._places.release()
