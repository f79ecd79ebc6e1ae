"""A new connection has planned the statement that begins a turn before its first use, and works even if it has not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from attrs import evolve
from psycopg import AsyncConnection

from chatcore.testing.samples import a_final_state, a_key, a_turn
from chatcore.testing.storage.steps import create, lease_of
from chatcore_postgres import PostgresStorage
from chatcore_postgres.driver.database import Connection, Row
from chatcore_postgres.replies.begin_turn import BEGIN_TURN

_PLANS = b"""
select parameter_types::text[], generic_plans, custom_plans from pg_prepared_statements
where statement like '%as free_slot%' and statement not like '%pg_prepared_statements%'
"""
_STORED = b"""
select (select count(*) from conversations) + (select count(*) from messages) + (select count(*) from generations)
    + (select count(*) from deltas) + (select count(*) from pieces) + (select count(*) from idempotency_keys)
"""


@pytest.fixture(autouse=True)
def _slow_machines_have_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a warm-up take longer than in service, so that it is whole on a machine that does other things as well."""
    for limit in ("_MAX_SECONDS", "_ENOUGH_SECONDS"):
        monkeypatch.setattr(f"chatcore_postgres.warm_up.{limit}", 30.0)


@asynccontextmanager
async def one_connection(url: str, *, prepared_statements: bool = True) -> AsyncIterator[PostgresStorage]:
    """Opens a storage with one connection for requests."""
    async with PostgresStorage(
        url, min_connections=1, max_connections=1, prepared_statements=prepared_statements
    ) as storage:
        yield storage


async def asked(storage: PostgresStorage, query: bytes) -> list[Row]:
    """Returns the answer of the connection for requests."""

    async def ask(connection: Connection) -> list[Row]:
        return await (await connection.execute(query)).fetchall()

    return await storage._pools.requests.run(ask)


async def test_a_new_connection_has_the_plan_that_serves_any_turn(database_url: str) -> None:
    assert "as free_slot" in BEGIN_TURN
    async with one_connection(database_url) as storage:
        ((_, generic_plans, custom_plans),) = await asked(storage, _PLANS)

        assert (generic_plans, custom_plans) == (1, 5)


async def test_every_turn_uses_that_plan(database_url: str) -> None:
    async with one_connection(database_url) as storage:
        before = await asked(storage, _PLANS)
        for number in range(6):
            turn = a_turn(await create(storage))
            await storage.finish(lease_of(await storage.begin_turn(turn)), a_final_state())
            keyed = evolve(a_turn(await create(storage)), idempotency_key=a_key(f"{number}"))
            await storage.finish(lease_of(await storage.begin_turn(keyed)), a_final_state())

        ((types, generic_plans, custom_plans),) = await asked(storage, _PLANS)
        assert (types, custom_plans) == (before[0][0], before[0][2])
        assert generic_plans == before[0][1] + 12


async def test_a_warm_up_stores_nothing(database_url: str) -> None:
    async with one_connection(database_url) as storage:
        assert await asked(storage, _STORED) == [(0,)]


async def test_a_warm_up_prepares_nothing_without_prepared_statements(database_url: str) -> None:
    async with one_connection(database_url, prepared_statements=False) as storage:
        assert await asked(storage, b"select count(*) from pg_prepared_statements") == [(0,)]


async def test_a_database_without_tables_has_connections_too(blank_database_url: str) -> None:
    async with one_connection(blank_database_url) as storage:
        assert await asked(storage, b"select 1") == [(1,)]


async def test_a_database_that_may_only_be_read_has_connections_too(database_url: str) -> None:
    async with one_connection(f"{database_url}?options=-cdefault_transaction_read_only%3Don") as storage:
        assert await asked(storage, b"select 1") == [(1,)]


async def test_a_slow_server_is_not_asked_again(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatcore_postgres.warm_up._ENOUGH_SECONDS", 0)
    async with one_connection(database_url) as storage:
        assert await asked(storage, _PLANS) == []


async def test_a_locked_table_delays_a_connection_only_briefly(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatcore_postgres.warm_up._MAX_SECONDS", 0.1)
    async with await AsyncConnection.connect(database_url) as other:
        await other.execute(b"lock table messages in access exclusive mode")
        async with one_connection(database_url) as storage, asyncio.timeout(2):
            assert await asked(storage, b"select 1") == [(1,)]
