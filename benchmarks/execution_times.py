"""How long the database takes for a statement by itself: without its plan, its commit, and the way there and back."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from attrs import field, frozen
from psycopg import AsyncRawCursor
from psycopg.abc import Params, Query

from chatcore_postgres import PostgresStorage
from chatcore_postgres.driver.database import Connection, Row

_EXPLAIN = b"explain (analyze, timing off, format json) "


@frozen
class TimedStorage:
    """A storage that tells how long the database took."""

    storage: PostgresStorage
    _millis: list[float] = field(factory=list)

    async def millis(self, work: Callable[[], Awaitable[object]]) -> float:
        """What the last statement took that the work had the storage send."""
        await work()
        return self._millis[-1]

    async def watch(self, connection: Connection) -> None:
        """Has each statement on the connection timed, and taken back, before it is carried out."""
        millis = self._millis

        class TimingCursor(AsyncRawCursor[Row]):
            async def execute(
                self,
                query: Query,
                params: Params | None = None,
                *,
                prepare: bool | None = None,
                binary: bool | None = None,
            ) -> "TimingCursor":
                statement, values = cast("bytes", query), cast("Sequence[object]", params)
                async with connection.transaction(force_rollback=True):
                    cursor = AsyncRawCursor[Any](connection)
                    await cursor.execute(_EXPLAIN + statement, values)
                    ((documents,),) = await cursor.fetchall()
                millis.append(documents[0]["Execution Time"])
                await super().execute(statement, values, prepare=prepare, binary=binary)
                return self

        connection.cursor_factory = TimingCursor


@asynccontextmanager
async def timed_storage(database_url: str) -> AsyncIterator[TimedStorage]:
    """One on the tables that are there."""
    async with PostgresStorage(
        database_url, min_connections=1, max_connections=1, reserved_connections=1, timeout_seconds=30
    ) as storage:
        timed = TimedStorage(storage)
        await storage._requests.run(timed.watch)  # noqa: SLF001 - to look at what the storage sends, and at nothing else
        yield timed
