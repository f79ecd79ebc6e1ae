"""Somebody else at the database: holds rows that the service needs, and sees who waits for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from tests.integration.faults.cluster import Cluster

_WAITING = """
select count(*) from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock' and state = 'active'
"""

_GIVE_UP = """
select pg_terminate_backend(pid, 5000) from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock'
"""


@asynccontextmanager
async def locked(cluster: Cluster, *conversations: str) -> AsyncIterator[None]:
    """Holds the rows of these conversations."""
    async with await psycopg.AsyncConnection.connect(cluster.database_url) as connection:
        query = "select 1 from conversations where id = any(%s::uuid[]) for update"
        await connection.execute(query, (list(conversations),))
        yield


@asynccontextmanager
async def no_checkpoints(cluster: Cluster) -> AsyncIterator[None]:
    """Lets no text be stored; what waits for that at the end is given up."""
    async with await psycopg.AsyncConnection.connect(cluster.database_url) as connection:
        await connection.execute("lock table deltas in share mode")
        yield
        await connection.execute(_GIVE_UP)


async def waiting(cluster: Cluster) -> int:
    """Returns how many of the service's connections wait for a lock."""
    async with await psycopg.AsyncConnection.connect(cluster.database_url) as connection:
        row = await (await connection.execute(_WAITING)).fetchone()
        assert row is not None
        count: int = row[0]
        return count
