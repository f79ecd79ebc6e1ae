"""The storage contract, and the stream counts contract, on a real PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import UTC
from typing import LiteralString

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from chatcore.conversations.listing import PageRequest
from chatcore.ports import Storage
from chatcore.ports.stream_counts import StreamCounts
from chatcore.testing import StorageContract, StreamCountsContract
from chatcore.testing.samples import a_failure, a_turn
from chatcore.testing.storage.steps import create, lease_of, reopen
from chatcore_postgres import PostgresStorage


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    # The contracts have hundreds of tests, none of which changes the schema.
    return emptied_database_url


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[PostgresStorage]:
    async with PostgresStorage(database_url) as storage:
        yield storage


@pytest.fixture
async def unreachable_storage() -> AsyncIterator[PostgresStorage]:
    # No server listens on port 1.
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    async with PostgresStorage(url, connection_timeout_seconds=0.2) as storage:
        yield storage


class OnPostgres:
    """Executes statements for the contracts without the adapter."""

    @pytest.fixture(autouse=True)
    def _keep_url(self, database_url: str) -> None:
        self._database_url = database_url

    async def _execute(self, statement: LiteralString, parameters: dict[str, object]) -> None:
        async with await psycopg.AsyncConnection.connect(self._database_url, autocommit=True) as connection:
            await connection.execute(statement, parameters)


class TestPostgresStorage(OnPostgres, StorageContract):
    async def expire_leases(self, storage: Storage) -> None:  # noqa: ARG002 - the contract's signature
        await self._execute("update generations set lease_until = now() - interval '1 second'", {})

    async def test_a_head_that_has_moved_on_stays_where_it_is(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = a_turn(conversation)
        lease = lease_of(await storage.begin_turn(turn))
        # No method moves the head of a conversation that has a running reply.
        moved = {"head_id": turn.user_message_id, "user_id": turn.user_id}
        await self._execute("update conversations set head_id = %(head_id)s where user_id = %(user_id)s", moved)
        await self._execute("update generations set fallback_head_id = null where user_id = %(user_id)s", moved)

        await storage.finish(lease, a_failure())

        assert (await reopen(storage, conversation)).conversation.head_id == turn.user_message_id


class TestPostgresStreamCounts(OnPostgres, StreamCountsContract):
    @pytest.fixture
    def stream_counts(self, storage: PostgresStorage) -> StreamCounts:
        return storage

    @pytest.fixture
    def unreachable_stream_counts(self, unreachable_storage: PostgresStorage) -> StreamCounts:
        return unreachable_storage

    async def expire_counts(self, stream_counts: StreamCounts) -> None:  # noqa: ARG002 - the contract's signature
        await self._execute("update open_streams set valid_until = now() - interval '1 second'", {})


async def test_instants_come_in_utc_whatever_the_servers_zone_is(database_url: str) -> None:
    url = make_conninfo(database_url, options="-c TimeZone=Asia/Kathmandu")
    async with PostgresStorage(url) as storage:
        conversation = await create(storage)
        await storage.begin_turn(a_turn(conversation))
        opened = await reopen(storage, conversation)
        page = await storage.list_conversations(conversation.user_id, PageRequest())

    assert opened.conversation.created_at == conversation.created_at
    instants = [opened.conversation.created_at, opened.conversation.updated_at, page.conversations[0].updated_at]
    assert {instant.tzinfo for instant in [*instants, *(message.created_at for message in opened.messages)]} == {UTC}
