"""Runs statements on pooled connections, and repeats them after races and lost connections."""

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any, LiteralString, TypeVar

import psycopg
import structlog
from attrs import frozen
from psycopg import AsyncRawCursor
from psycopg_pool import AsyncConnectionPool

from chatcore.errors import StorageUnavailableError
from chatcore_postgres.driver import arrays
from chatcore_postgres.driver.connection_checkout import ConnectionCheckout
from chatcore_postgres.driver.epoll_wait import SharedEpoll, WaitingConnection
from chatcore_postgres.driver.failures import Failure, classify, unavailable
from chatcore_postgres.driver.statement import as_sent

Row = tuple[Any, ...]
Connection = WaitingConnection
Parameters = Mapping[str, object]

_Result = TypeVar("_Result")

# How many rows are converted at once, which takes a millisecond or two.
_SLICE = 500

# A statement is sent again this often. When turns of one user race, one of them wins each round.
_MAX_REPEATS = {Failure.RACE: 8, Failure.BROKEN: 2, Failure.READ_ONLY: 1}
# A stale result means that another turn was stored meanwhile, so this many stale results in a row do not occur.
_MAX_ROUNDS = 8
_MAX_PAUSE_SECONDS = 0.02

# While the database is unreachable, an attempt to connect is given up after this time, and the next caller starts a new
# one: the pool's own pauses double up to minutes and would outlast the outage.
_RECONNECT_SECONDS = 2.5

# A read-only server is left at most this often: where there is no other, every refused write would else cost a new
# connection.
_DEPARTURE_SECONDS = 5.0

_log = structlog.get_logger("chatcore_postgres")


@frozen
class Target:
    """Says where the tables are: the connection string of a database, and a schema."""

    conninfo: str
    schema: str = "public"


class Database:
    """Runs statements on a pool of connections; each statement is one transaction.

    Raises:
        StorageUnavailableError: from :meth:`run`, :meth:`fetch` and :meth:`fetch_definite`, when the database is
            unreachable or overloaded.
    """

    def __init__(
        self,
        target: Target,
        *,
        name: str,
        min_size: int,
        max_size: int,
        connection_timeout_seconds: float,
        timeout_seconds: float,
        prepared_statements: bool,
        is_patient: bool = False,
    ) -> None:
        self._schema = target.schema
        self._timeout_seconds = timeout_seconds
        self._readiness: SharedEpoll | None = None
        self._departure = 0
        self._departed_at = -_DEPARTURE_SECONDS
        self._pool = AsyncConnectionPool[WaitingConnection](
            target.conninfo,
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
            # A full queue refuses at once, because waiting would only end in a timeout. Work that is retried until it
            # is done may as well wait.
            max_waiting=0 if is_patient else max_size * 50,
            seconds=connection_timeout_seconds,
        )

    async def open(self) -> None:
        """Starts to connect and returns at once: the database may start later than this process."""
        # On other systems, psycopg waits with the event loop.
        if sys.platform == "linux":
            self._readiness = SharedEpoll()
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Closes all connections; a connection in use is closed when it is released."""
        await self._checkout.close()
        if self._readiness is not None:
            self._readiness.close()

    def stats(self) -> Mapping[str, int]:
        """Returns the statistics of the pool: sizes, waiting tasks, requests, errors."""
        stats = self._pool.get_stats()
        return {
            **stats,
            "pool_available": stats["pool_available"] + self._checkout.idle,
            "requests_waiting": stats["requests_waiting"] + self._checkout.waiting,
            "requests_num": self._checkout.requested,
        }

    async def fetch(self, query: LiteralString, parameters: Parameters, *, plan_anew: bool = False) -> list[Row]:
        """Runs one statement and returns all its rows.

        With `plan_anew` the server plans the statement for these parameters: a plan for all parameters would serve ten
        elements of an array well and a thousand badly.
        """

        async def unit(connection: Connection) -> list[Row]:
            return await fetch_on(connection, query, parameters, plan_anew=plan_anew)

        return await self.run(unit)

    async def fetch_definite(self, query: LiteralString, parameters: Parameters) -> list[Row]:
        """Repeats a statement while its first column is `stale`, which means that another transaction overtook it."""

        async def unit(connection: Connection) -> list[Row]:
            return await fetch_definite_on(connection, query, parameters)

        return await self.run(unit)

    async def run(
        self, unit: Callable[[Connection], Awaitable[_Result]], *, timeout_seconds: float | None = None
    ) -> _Result:
        """Runs `unit` on a connection, and repeats `unit` after a lost race or a lost connection.

        `unit` must not catch database errors, and must converge when it is repeated after it took effect. One deadline
        covers all repeats: `timeout_seconds` from now, by default that of the pool.
        """
        try:
            async with asyncio.timeout(timeout_seconds or self._timeout_seconds):
                return await self._repeat(unit)
        except TimeoutError as error:
            raise StorageUnavailableError from error

    async def _configure(self, connection: WaitingConnection) -> None:
        arrays.register(connection)
        connection.readiness = self._readiness
        connection.schema = self._schema
        connection.departure = self._departure

    async def _repeat(self, unit: Callable[[Connection], Awaitable[_Result]]) -> _Result:
        repeats = dict(_MAX_REPEATS)
        is_in_doubt = False
        while True:
            try:
                connection = await self._checkout.take()
                try:
                    if connection.departure == self._departure and await _is_alive(connection):
                        return await unit(connection)
                    # The pool replaces a closed connection; the next connection may be alive.
                    await connection.close()
                    continue
                except psycopg.Error as error:
                    if classify(error) is Failure.READ_ONLY:
                        await self._leave(connection)
                    raise
                finally:
                    # The pool rolls back a transaction that was broken off, or closes the connection.
                    self._checkout.give_back(connection)
            except psycopg.Error as error:
                failure = classify(error)
                if failure is Failure.BUG:
                    raise
                # Every other failure means that the statement had no effect.
                is_in_doubt |= failure is Failure.BROKEN
                if not repeats.get(failure):
                    reported = unavailable(error, failure, is_in_doubt=is_in_doubt)
                    _log.warning(
                        "database_unavailable",
                        error=type(error).__name__,
                        sqlstate=error.sqlstate,
                        reason=str(reported),
                    )
                    raise reported from error
                repeats[failure] -= 1
                _log.info("database_repeat", failure=failure.name, sqlstate=error.sqlstate)
            await _pause()

    async def _leave(self, connection: WaitingConnection) -> None:
        """Closes a connection to a server that takes no writes; all older ones are closed when they are next taken.

        Another server may have been promoted while this one goes on answering. The next connection is made to the
        server that takes writes, if the connection string names several.
        """
        now = monotonic()
        if now - self._departed_at >= _DEPARTURE_SECONDS:
            self._departed_at = now
            self._departure += 1
            await connection.close()


async def fetch_on(
    connection: Connection, query: LiteralString, parameters: Parameters, *, plan_anew: bool = False
) -> list[Row]:
    """Runs one statement on a given connection and returns all its rows.

    The rows are fetched in slices, so that a large result does not block other tasks.
    """
    positional, names = as_sent(query, connection.schema)
    values = [parameters[name] for name in names]
    # A prepared statement is planned once for all parameters; None lets the connection decide whether to prepare.
    cursor = await connection.execute(positional, values, prepare=False if plan_anew else None, binary=True)
    rows: list[Row] = []
    while len(part := await cursor.fetchmany(_SLICE)) == _SLICE:
        rows += part
        await asyncio.sleep(0)
    return rows + part


async def fetch_definite_on(connection: Connection, query: LiteralString, parameters: Parameters) -> list[Row]:
    """Does as :meth:`Database.fetch_definite` on a given connection, also within a transaction."""
    for _ in range(_MAX_ROUNDS):
        rows = await fetch_on(connection, query, parameters)
        if rows[0][0] != "stale":
            return rows
        await _pause()
    raise StorageUnavailableError


async def _pause() -> None:
    """Waits for a short random time, so that tasks which collided do not collide again."""
    await asyncio.sleep(random.uniform(0, _MAX_PAUSE_SECONDS))  # noqa: S311 - the number is no secret


async def _is_alive(connection: WaitingConnection) -> bool:
    # A server sends nothing to an idle connection except the message that ends it. Checking for data to read costs a
    # microsecond, and a query would cost a round trip; so no caller gets a dead connection after a restart. The pool's
    # own `check` pauses for a second after each dead connection, which is too long when all are dead.
    if not connection.has_data():
        return True
    try:
        await AsyncConnectionPool.check_connection(connection)
    except psycopg.OperationalError:
        return False
    return True
