"""Opens a single pool of few connections, as the storage adapter has three of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chatcore_postgres.driver.database import Database, Target


@asynccontextmanager
async def small_database(url: str, *, timeout_seconds: float = 5, connections: int = 1) -> AsyncIterator[Database]:
    """Opens the pool for the block."""
    database = Database(
        Target(url),
        name="test",
        min_size=connections,
        max_size=connections,
        connection_timeout_seconds=2,
        timeout_seconds=timeout_seconds,
        prepared_statements=True,
    )
    await database.open()
    try:
        yield database
    finally:
        await database.close()
