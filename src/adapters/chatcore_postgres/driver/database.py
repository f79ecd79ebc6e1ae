"""Connections, and what is done when one fails."""

import asyncio
import random
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, LiteralString, TypeVar

import psycopg
import structlog
from psycopg import AsyncConnection, AsyncRawCursor
from psycopg_pool import AsyncConnectionPool

from chatcore.errors import StorageUnavailableError
from chatcore.slices import SLICE
from chatcore_postgres.driver import arrays
from chatcore_postgres.driver.connection_checkout import ConnectionCheckout
from chatcore_postgres.driver.epoll_wait import SharedEpoll, WaitingConnection
from chatcore_postgres.driver.failures import Failure, classify

Row = tuple[Any, ...]
Connection = AsyncConnection[Row]
Parameters = Mapping[str, object]

_Result = TypeVar("_Result")

# How often a statement is sent again. Racing turns of one user thin out with every round, since one of them wins it.
_MOST_REPEATS = {Failure.RACE: 8, Failure.BROKEN: 2}
# A stale answer means that somebody else's turn was stored, so this many in a row are never seen.
_MOST_ROUNDS = 8
_LONGEST_PAUSE_SECONDS = 0.02

# While the database is away, an attempt to connect is given up after this long and the next caller makes a new one:
# the pool's own pauses double up to minutes, and would outlast the outage.
_RECONNECT_SECONDS = 2.5

_log = structlog.get_logger("chatcore_postgres")


class Database:
    """A pool of connections on which one statement is one transaction.

    Raises:
        StorageUnavailableError: from :meth:`run` and :meth:`fetch`, when the database is away or overloaded.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        name: str,
        min_size: int,
        max_size: int,
        connection_timeout_seconds: float,
        timeout_seconds: float,
        prepared_statements: bool,
        is_patient: bool = False,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._readiness: SharedEpoll | None = None
        self._pool = AsyncConnectionPool[WaitingConnection](
            conninfo,
            connection_class=WaitingConnection,
            name=name,
            open=False,
            min_size=min_size,
            max_size=max_size,
            reconnect_timeout=_RECONNECT_SECONDS,
            kwargs={
                "autocommit": True,
                "prepare_threshold": 1 if prepared_statements else None,
                "cursor_factory": AsyncRawCursor,
            },
            configure=self._configure,
        )
        self._checkout = ConnectionCheckout(
            self._pool,
            # Who comes when this many wait already is told at once: waiting would only end in a timeout. Who would come
            # back until it is done may as well wait.
            max_waiting=0 if is_patient else max_size * 50,
            seconds=connection_timeout_seconds,
        )

    async def open(self) -> None:
        """Starts to connect. Does not wait: the database may come later than we do."""
        # Elsewhere psycopg waits in its own way.
        if sys.platform == "linux":
            self._readiness = SharedEpoll()
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Closes all connections; those in use, when they come back."""
        await self._checkout.close()
        if self._readiness is not None:
            self._readiness.close()

    def stats(self) -> Mapping[str, int]:
        """The pool's own figures: sizes, who waits, requests, errors."""
        stats = self._pool.get_stats()
        return {
            **stats,
            "pool_available": stats["pool_available"] + self._checkout.at_hand,
            "requests_waiting": stats["requests_waiting"] + self._checkout.waiting,
            "requests_num": self._checkout.asked_for,
        }

    async def fetch(self, query: LiteralString, parameters: Parameters, *, plan_anew: bool = False) -> list[Row]:
        """Runs one statement; all its rows.

        With `plan_anew` for these parameters: a plan that was made for any would serve ten elements of an array well
        and a thousand badly.
        """

        async def unit(connection: Connection) -> list[Row]:
            return await fetch_on(connection, query, parameters, plan_anew=plan_anew)

        return await self.run(unit)

    async def fetch_definite(self, query: LiteralString, parameters: Parameters) -> list[Row]:
        """Runs a statement that says `stale` in its first column when it was overtaken, until it does not."""

        async def unit(connection: Connection) -> list[Row]:
            for _ in range(_MOST_ROUNDS):
                rows = await fetch_on(connection, query, parameters)
                if rows[0][0] != "stale":
                    return rows
                await _pause()
            raise StorageUnavailableError

        return await self.run(unit)

    async def run(self, unit: Callable[[Connection], Awaitable[_Result]]) -> _Result:
        """Does `unit` on a connection, once more where it lost a race or its connection.

        `unit` must converge when it is repeated after it took effect, and must let database errors through. All that it
        does has one deadline.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._repeat(unit)
        except TimeoutError as error:
            raise StorageUnavailableError from error

    async def _configure(self, connection: WaitingConnection) -> None:
        arrays.register(connection)
        connection.readiness = self._readiness

    async def _repeat(self, unit: Callable[[Connection], Awaitable[_Result]]) -> _Result:
        repeats = dict(_MOST_REPEATS)
        is_in_doubt = False
        while True:
            try:
                connection = await self._checkout.take()
                try:
                    if await _is_alive(connection):
                        return await unit(connection)
                    # Closed, it is replaced by the pool; the next one may be better.
                    await connection.close()
                    continue
                finally:
                    # What was broken off is rolled back there, and what cannot be is closed.
                    self._checkout.give_back(connection)
            except psycopg.Error as error:
                failure = classify(error)
                if failure is Failure.BUG:
                    raise
                # Every other answer says that nothing was done.
                is_in_doubt |= failure is Failure.BROKEN
                if not repeats.get(failure):
                    _log.warning("database_unavailable", error=type(error).__name__, sqlstate=error.sqlstate)
                    raise StorageUnavailableError(is_in_doubt=is_in_doubt) from error
                repeats[failure] -= 1
                _log.info("database_repeat", failure=failure.name, sqlstate=error.sqlstate)
            await _pause()


async def fetch_on(
    connection: Connection, query: LiteralString, parameters: Parameters, *, plan_anew: bool = False
) -> list[Row]:
    """Runs one statement on a connection that one has; all its rows, in slices so that many hold up nobody."""
    positional, names = _positional(query)
    values = [parameters[name] for name in names]
    # A prepared statement is planned once for all; None leaves it to the connection whether to prepare.
    cursor = await connection.execute(positional, values, prepare=False if plan_anew else None, binary=True)
    rows: list[Row] = []
    while len(part := await cursor.fetchmany(SLICE)) == SLICE:
        rows += part
        await asyncio.sleep(0)
    return rows + part


@cache
def _positional(query: LiteralString) -> tuple[bytes, tuple[str, ...]]:
    """`%(name)s` as `$1`, and the names in that order: what the server understands.

    psycopg would do it, but each time anew for a statement as long as the one that begins a turn.
    """
    names: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return f"${names.setdefault(match[1], len(names) + 1)}"

    return re.sub(r"%\((\w+)\)s", number, query).encode(), tuple(names)


async def _pause() -> None:
    """Waits for a moment that is not the same for everybody."""
    await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311 - no secret


async def _is_alive(connection: WaitingConnection) -> bool:
    # An idle server says nothing, unless it is to say goodbye. Looking whether there is anything to read costs a
    # microsecond, where asking would cost a round trip; so after a restart no caller meets the dead connections.
    # The pool's own `check` pauses for a second after each dead one, which is too long where all of them are.
    if not connection.has_news():
        return True
    try:
        await AsyncConnectionPool.check_connection(connection)
    except psycopg.OperationalError:
        return False
    return True
