"""Statements of one kind leave connections of the pool to others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from tests.integration.adapters.chatcore_postgres.small_database import small_database
from tests.integration.faults.waiting import eventually

from chatcore.errors import StorageUnavailableError
from chatcore_postgres.driver.database import Database
from chatcore_postgres.driver.database_share import DatabaseShare

_WAIT = "select pg_advisory_xact_lock(1)"
_WAITING = b"select count(*) from pg_locks where locktype = 'advisory' and not granted"
_CONNECTIONS = 4


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with small_database(database_url, timeout_seconds=30, connections=_CONNECTIONS) as database:
        yield database


async def test_slow_statements_of_one_kind_leave_connections_to_others(database: Database, database_url: str) -> None:
    share = DatabaseShare(database, connections=2, timeout_seconds=30)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as other:
        await other.execute(b"select pg_advisory_lock(1)")
        slow = asyncio.gather(*(share.fetch(_WAIT, {}) for _ in range(3 * _CONNECTIONS)))

        async def are_waiting() -> bool:
            return (await (await other.execute(_WAITING)).fetchall()) == [(2,)]

        await eventually(are_waiting, within=10, what="two statements wait for the lock")
        assert await asyncio.gather(*(database.fetch("select 1", {}) for _ in range(5))) == [[(1,)]] * 5
        assert await are_waiting()
        await other.execute(b"select pg_advisory_unlock(1)")

        assert len(await slow) == 3 * _CONNECTIONS


async def test_a_statement_that_waits_for_too_long_is_refused(database: Database, database_url: str) -> None:
    share = DatabaseShare(database, connections=1, timeout_seconds=0.05)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as other:
        await other.execute(b"select pg_advisory_lock(1)")
        slow = asyncio.create_task(share.fetch(_WAIT, {}))
        await asyncio.sleep(0)

        with pytest.raises(StorageUnavailableError):
            await share.fetch("select 1", {})
        await other.execute(b"select pg_advisory_unlock(1)")
        await slow

    assert await share.fetch("select 1", {}) == [(1,)]
