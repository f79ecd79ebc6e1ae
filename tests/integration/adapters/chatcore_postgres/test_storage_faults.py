"""Callers notice as little as possible of broken connections, held locks and cancelled tasks."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest
from psycopg import sql

from chatcore.conversations.listing import PageRequest
from chatcore.errors import StorageUnavailableError
from chatcore.testing.samples import (
    ALICE,
    a_conversation,
    a_final_state,
    a_reader,
    a_regeneration,
    a_turn,
    an_owner,
    later,
    progress,
    text_of,
)
from chatcore.testing.storage.steps import begin, create, lease_of, reopen
from chatcore_postgres import PostgresStorage
from chatcore_postgres.driver.database import Connection, fetch_on

_TERMINATE = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
"""
_WAITING = """
select 1 from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock' and state = 'active'
"""
_RAISE = "do $$ begin raise exception using errcode = '{}'; end $$"


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[PostgresStorage]:
    async with PostgresStorage(database_url, timeout_seconds=10) as storage:
        yield storage


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[Connection]:
    async with await Connection.connect(database_url, autocommit=True) as connection:
        yield connection


async def test_no_caller_notices_that_all_connections_are_cut(storage: PostgresStorage, admin: Connection) -> None:
    conversation = await create(storage)
    # Both pools have their maximum number of connections.
    await asyncio.gather(*(reopen(storage, conversation) for _ in range(50)), *(storage.ping() for _ in range(50)))

    for _ in range(3):
        await admin.execute(_TERMINATE)
        lease = lease_of(await storage.begin_turn(a_turn(conversation)))
        await admin.execute(_TERMINATE)
        await storage.checkpoint(lease.owner_id, [progress(lease, "Hi")])
        await admin.execute(_TERMINATE)
        assert [text_of(read) for read in await storage.read_deltas([a_reader(lease)])] == ["Hi"]
        await admin.execute(_TERMINATE)
        assert await storage.recover(lease, lambda orphan: a_final_state(orphan.text)) == a_final_state("Hi")
        await admin.execute(_TERMINATE)
        await storage.list_conversations(ALICE, PageRequest())


async def test_a_turn_whose_connection_is_cut_while_it_waits_is_stored_once(
    storage: PostgresStorage, admin: Connection, database_url: str
) -> None:
    conversation = await create(storage)
    async with await Connection.connect(database_url) as holder:
        await holder.execute("select 1 from conversations for update")
        begun = asyncio.create_task(storage.begin_turn(a_turn(conversation)))
        await _until_someone_waits(admin)
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and state = 'active'"
        )

    assert (await begun).lease
    assert len((await reopen(storage, conversation)).messages) == 2


async def test_a_long_lock_ends_the_wait_and_leaves_the_connection_usable(
    database_url: str,
) -> None:
    async with PostgresStorage(database_url, max_connections=1, min_connections=1, timeout_seconds=0.3) as storage:
        conversation = await create(storage)
        async with await Connection.connect(database_url) as holder:
            await holder.execute("select 1 from conversations for update")
            started = monotonic()
            with pytest.raises(StorageUnavailableError) as raised:
                await storage.begin_turn(a_turn(conversation))

            assert monotonic() - started < 2
            assert raised.value.is_in_doubt

        assert (await storage.begin_turn(a_turn(conversation))).lease


async def test_a_full_queue_fails_fast_and_leaves_the_reserve_alone(
    database_url: str,
) -> None:
    async with PostgresStorage(
        database_url, min_connections=1, max_connections=1, connection_timeout_seconds=1
    ) as storage:
        conversation = await create(storage)
        lease = await begin(storage)
        async with await Connection.connect(database_url) as holder:
            await holder.execute("select 1 from conversations for update")
            waiting = asyncio.create_task(storage.begin_turn(a_turn(conversation)))
            async with await Connection.connect(database_url, autocommit=True) as admin:
                await _until_someone_waits(admin)

            with pytest.raises(StorageUnavailableError) as raised:
                await storage.list_conversations(ALICE, PageRequest())
            assert not raised.value.is_in_doubt
            await storage.ping()
            await storage.checkpoint(lease.owner_id, [progress(lease, "Hi", renew=True)])

        await waiting


@pytest.mark.parametrize(("code", "times"), [("40001", 3), ("40P01", 3), ("55P03", 3), ("08006", 2), ("57P03", 2)])
async def test_errors_that_a_repeat_may_solve_are_repeated(storage: PostgresStorage, code: str, times: int) -> None:
    tries = 0

    async def unit(connection: Connection) -> int:
        nonlocal tries
        tries += 1
        if tries <= times:
            await connection.execute(_RAISE.format(code).encode())
        return tries

    assert await storage._pools.requests.run(unit) == times + 1


@pytest.mark.parametrize("code", ["53100", "53300", "57014", "58030"])
async def test_errors_that_no_repeat_solves_are_not_repeated(storage: PostgresStorage, code: str) -> None:
    tries = 0

    async def unit(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute(_RAISE.format(code).encode())

    with pytest.raises(StorageUnavailableError) as raised:
        await storage._pools.requests.run(unit)
    assert tries == 1
    assert not raised.value.is_in_doubt


@pytest.mark.parametrize(("code", "is_in_doubt"), [("40001", False), ("08006", True)])
async def test_repeats_are_limited_and_a_lost_connection_leaves_doubt(
    storage: PostgresStorage, code: str, *, is_in_doubt: bool
) -> None:
    async def unit(connection: Connection) -> None:
        await connection.execute(_RAISE.format(code).encode())

    with pytest.raises(StorageUnavailableError) as raised:
        await storage._pools.requests.run(unit)
    assert raised.value.is_in_doubt is is_in_doubt


async def test_a_lost_connection_leaves_doubt_whatever_later_tries_do(storage: PostgresStorage) -> None:
    codes = iter(["08006", "53100"])

    async def unit(connection: Connection) -> None:
        await connection.execute(_RAISE.format(next(codes)).encode())

    with pytest.raises(StorageUnavailableError) as raised:
        await storage._pools.requests.run(unit)
    assert raised.value.is_in_doubt


async def test_a_database_that_refuses_to_write_still_reads(
    storage: PostgresStorage, admin: Connection, database_url: str
) -> None:
    conversation = await create(storage)
    statement = sql.SQL("alter database {} set default_transaction_read_only = on")
    await admin.execute(statement.format(sql.Identifier(admin.info.dbname)))

    async with PostgresStorage(database_url) as reader:
        assert (await reopen(reader, conversation)).conversation == conversation
        with pytest.raises(StorageUnavailableError):
            await reader.begin_turn(a_turn(conversation))


async def test_a_storage_may_be_opened_before_its_database_answers() -> None:
    async with PostgresStorage(
        "postgresql+asyncpg://nobody@127.0.0.1:1/nothing", connection_timeout_seconds=0.1
    ) as storage:
        with pytest.raises(StorageUnavailableError):
            await storage.ping()


async def test_a_closed_storage_is_unavailable(database_url: str) -> None:
    async with PostgresStorage(database_url) as storage:
        await storage.ping()

    with pytest.raises(StorageUnavailableError):
        await storage.ping()


async def test_without_prepared_statements_the_server_keeps_none(database_url: str) -> None:
    async with PostgresStorage(
        database_url, min_connections=1, max_connections=1, prepared_statements=False
    ) as storage:
        conversation = await create(storage)
        for number in range(8):
            lease = lease_of(await storage.begin_turn(a_turn(conversation, str(number))))
            await storage.finish(lease, a_final_state(at=later(number)))
        await storage.begin_regeneration(a_regeneration(conversation))

        async with storage._pools.requests._pool.connection() as connection:
            assert await fetch_on(connection, "select name from pg_prepared_statements", {}) == []


async def test_the_statistics_of_the_pools_can_be_read(storage: PostgresStorage) -> None:
    await create(storage)

    stats = storage.pool_stats()

    assert set(stats) == {"requests", "endings", "background"}
    assert stats["requests"]["pool_max"] == 10
    assert await storage.claim_expired(an_owner(), (), 1) == []


async def test_two_storages_may_share_a_database(database_url: str) -> None:
    async with PostgresStorage(database_url) as one, PostgresStorage(database_url) as two:
        conversation = a_conversation()
        await one.create_conversation(conversation)

        assert (await reopen(two, conversation)).conversation == conversation


async def _until_someone_waits(admin: Connection) -> None:
    async with asyncio.timeout(10):
        while not await (await admin.execute(_WAITING)).fetchone():  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(0.01)


async def test_a_database_without_the_schema_is_unavailable(blank_database_url: str) -> None:
    async with PostgresStorage(blank_database_url) as storage:
        with pytest.raises(StorageUnavailableError):
            await storage.ping()
        with pytest.raises(StorageUnavailableError):
            await storage.list_conversations("ada", PageRequest())
