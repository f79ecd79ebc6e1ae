"""Runs several statements in one transaction."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from chatcore_postgres.driver.database import Connection, fetch_on

# The setting holds for one transaction. A process that is frozen between two round trips would keep its locks, and all
# other processes would wait for the locks, in recovery or on behalf of the user.
GIVE_UP_WHEN_IDLE = "select set_config('idle_in_transaction_session_timeout', '5s', true)"


@asynccontextmanager
async def several_round_trips(connection: Connection) -> AsyncGenerator[None]:
    """Runs the block as one transaction, which the server rolls back if the block sends nothing for five seconds."""
    async with connection.transaction():
        await fetch_on(connection, GIVE_UP_WHEN_IDLE, {})
        yield
