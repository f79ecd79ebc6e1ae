"""A primary that goes on answering after another server has taken its place, and servers that take no writes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import LiteralString

import psycopg
import pytest

from chatcore.conversations.listing import PageRequest
from chatcore.errors import StorageUnavailableError
from chatcore.ports.stream_counts import ProcessId
from chatcore.testing.samples import ALICE, a_conversation, a_final_state, a_turn, an_owner
from chatcore.testing.storage.steps import create, lease_of
from chatcore_postgres import PostgresStorage, migrate
from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.waiting import eventually

_COUNT = "select count(*) from conversations"


@pytest.fixture
def primary() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(durable=False) as server:
        asyncio.run(migrate(server.url()))
        yield server


@pytest.fixture
def standby(primary: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(durable=False, follows=primary) as server:
        yield server


@pytest.fixture
async def storage(primary: EmbeddedPostgres, standby: EmbeddedPostgres) -> AsyncIterator[PostgresStorage]:
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    async with PostgresStorage(f"postgresql://postgres@{hosts}/postgres") as storage:
        yield storage


async def test_a_primary_that_was_demoted_in_place_is_left(
    primary: EmbeddedPostgres, standby: EmbeddedPostgres, storage: PostgresStorage
) -> None:
    conversation = await create(storage)
    lease = lease_of(await storage.begin_turn(a_turn(conversation)))
    await eventually(lambda: _value(standby, _COUNT) == 1, within=10, what="the standby has followed")
    await _demote(primary)
    _execute(standby, "select pg_promote()")

    assert await storage.finish(lease, a_final_state())
    for _ in range(20):
        await create(storage)
    await storage.ping()

    assert (_value(primary, _COUNT), _value(standby, _COUNT)) == (1, 21)


async def test_a_single_server_that_takes_no_writes_is_not_reconnected_to_for_each(primary: EmbeddedPostgres) -> None:
    async with PostgresStorage(primary.url()) as storage:
        conversation = await create(storage)
        await _demote(primary)
        before = storage.pool_stats()["requests"]
        for _ in range(100):
            with pytest.raises(StorageUnavailableError, match="takes no writes"):
                await storage.begin_turn(a_turn(conversation))
            assert (await storage.list_conversations(ALICE, PageRequest())).conversations

        after = storage.pool_stats()["requests"]

    assert after["connections_num"] - before["connections_num"] < 20


async def test_a_standby_serves_reads_and_is_away_for_everything_else(standby: EmbeddedPostgres) -> None:
    async with PostgresStorage(standby.url()) as storage:
        assert (await storage.list_conversations(ALICE, PageRequest())).conversations == ()
        for call in (
            storage.ping(),
            storage.begin_turn(a_turn(a_conversation())),
            storage.exchange_stream_counts(ProcessId(an_owner()), {ALICE: 1}),
            storage.forget_stream_counts(10),
        ):
            with pytest.raises(StorageUnavailableError, match="takes no writes"):
                await call


async def _demote(server: EmbeddedPostgres) -> None:
    _execute(server, "alter system set default_transaction_read_only = on")
    _execute(server, "select pg_reload_conf()")
    shown = "show default_transaction_read_only"
    await eventually(lambda: _value(server, shown) == "on", within=10, what="the primary takes no writes")


def _value(server: EmbeddedPostgres, statement: LiteralString) -> object:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
        return row and row[0]


def _execute(server: EmbeddedPostgres, statement: LiteralString) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(statement)
