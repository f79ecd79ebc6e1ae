"""Checks out connections of a pool for tasks and returns them, even if a task is cancelled.

The pool has a queue of its own, behind a lock that every checkout and every return must take. When a busy event loop
holds that lock across an iteration, all tasks queue for it, one for each iteration from then on: a pool with free
connections then hands over five a second. Also, a deadline that interrupts a task while it returns a connection loses
that connection for good. So a task that would have to wait for a connection waits here and not in the pool, and a
separate task returns each connection to the pool.

An idle connection is checked out without taking the lock. A connection that is released in order stays here for the
next checkout, which gets it in the same iteration, and needs no task to return it. Every few seconds all idle
connections go back to the pool, which decides how many connections there are and how old they become.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic

import structlog
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from chatcore_postgres.driver.epoll_wait import WaitingConnection

# The closing pool waits at most this long for connections that are being returned.
_CLOSE_SECONDS = 1.0
# An idle connection stays here for at most this long before it goes back to the pool.
_IDLE_SECONDS = 10.0

_log = structlog.get_logger("chatcore_postgres")


class ConnectionCheckout:
    """Checks out the connections of a pool for tasks.

    Args:
        pool: the pool, which no other object may use.
        max_waiting: how many tasks may wait for a connection; 0 for no limit.
        seconds: how long each task may wait.
    """

    def __init__(self, pool: AsyncConnectionPool[WaitingConnection], *, max_waiting: int, seconds: float) -> None:
        self._pool = pool
        self._max_waiting = max_waiting
        self._seconds = seconds
        self._places = asyncio.Semaphore(pool.max_size)
        # The set keeps references to the tasks, since the event loop has only weak ones.
        self._returning: set[asyncio.Task[None]] = set()
        self._idle: list[WaitingConnection] = []
        self._idle_timer: asyncio.TimerHandle | None = None
        # This many tasks wait in the pool, for a connection that is being made or is returned there.
        self._waiting_in_pool = 0
        self._is_open = True
        #: How many tasks wait for a place.
        self.waiting = 0
        #: How many connections were requested so far.
        self.requested = 0

    @property
    def idle(self) -> int:
        """Returns how many connections are idle here; the pool counts them as in use."""
        return len(self._idle)

    async def take(self) -> WaitingConnection:
        """Returns a connection, which the caller must release with :meth:`give_back`.

        Raises:
            psycopg_pool.PoolTimeout: no connection was free in time.
            psycopg_pool.TooManyRequests: too many tasks wait already.
        """
        self.requested += 1
        seconds = self._seconds
        if self._places.locked():
            seconds = await self._wait_for_place()
        else:
            await self._places.acquire()  # The call returns at once.
        if self._idle:
            return self._idle.pop()
        self._waiting_in_pool += 1
        try:
            return await self._pool.getconn(seconds)
        except BaseException:
            self._places.release()
            raise
        finally:
            self._waiting_in_pool -= 1

    def give_back(self, connection: WaitingConnection) -> None:
        """Takes a connection back. The pool replaces a broken one and rolls back an open transaction."""
        if self._is_open and not self._waiting_in_pool and connection.is_idle():
            self._keep_idle(connection)
            self._places.release()
        else:
            self._return_to_pool([connection]).add_done_callback(lambda _: self._places.release())

    async def close(self) -> None:
        """Closes the pool, and waits a moment for connections that are being returned."""
        self._is_open = False
        self._return_idle()
        await self._pool.close()
        if self._returning:
            _, late = await asyncio.wait(self._returning, timeout=_CLOSE_SECONDS)
            for task in late:
                task.cancel()

    async def _wait_for_place(self) -> float:
        """Waits for a place; returns how many seconds are left."""
        if 0 < self._max_waiting <= self.waiting:
            raise TooManyRequests(f"{self.waiting} tasks already wait for a connection")
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

    def _keep_idle(self, connection: WaitingConnection) -> None:
        self._idle.append(connection)
        if self._idle_timer is None:
            self._idle_timer = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._return_idle)

    def _return_idle(self) -> None:
        """Returns all idle connections to the pool."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
            # The pool checks out first the connection that was returned first.
            self._return_to_pool(self._idle[::-1])
            self._idle.clear()

    def _return_to_pool(self, connections: Sequence[WaitingConnection]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._return(connections))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)
        return task

    async def _return(self, connections: Sequence[WaitingConnection]) -> None:
        # The connections are returned one after the other, so that they do not queue for the lock.
        for connection in connections:
            try:
                await self._pool.putconn(connection)
            except Exception as error:  # noqa: BLE001 - no task awaits this one, so the error would be lost
                _log.warning("database_connection_lost", error=type(error).__name__)
