"""Lets statements of one kind use only a share of a pool's connections."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import LiteralString, TypeVar

from chatcore.errors import StorageUnavailableError
from chatcore_postgres.driver.database import Connection, Database, Parameters, Row

_Result = TypeVar("_Result")


class DatabaseShare:
    """Runs statements that may be many and slow, and leaves connections of the pool to other statements.

    Args:
        database: the pool.
        connections: the maximum number of its connections that the statements use at once.
        timeout_seconds: the longest time that a statement waits for the others.
    """

    def __init__(self, database: Database, *, connections: int, timeout_seconds: float) -> None:
        self._database = database
        self._free = asyncio.Semaphore(connections)
        self._timeout_seconds = timeout_seconds

    async def fetch(self, query: LiteralString, parameters: Parameters, *, plan_anew: bool = False) -> list[Row]:
        """Runs one statement and returns all its rows, as :meth:`Database.fetch` does.

        Raises:
            StorageUnavailableError: the database is unreachable or overloaded.
        """
        async with self._place():
            return await self._database.fetch(query, parameters, plan_anew=plan_anew)

    async def run(self, unit: Callable[[Connection], Awaitable[_Result]], *, timeout_seconds: float) -> _Result:
        """Runs `unit` on a connection, as :meth:`Database.run` does.

        Raises:
            StorageUnavailableError: the database is unreachable or overloaded.
        """
        async with self._place():
            return await self._database.run(unit, timeout_seconds=timeout_seconds)

    @asynccontextmanager
    async def _place(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise StorageUnavailableError(is_in_doubt=False) from error
        try:
            yield
        finally:
            self._free.release()
