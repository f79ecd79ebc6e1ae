"""No change is missed, in whatever order transactions commit, and whatever happens to the database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from attrs import evolve

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import ConversationId
from chatcore.sync.watermark import Watermark
from chatcore.testing.samples import ALICE, a_rename
from chatcore.testing.storage.steps import create
from chatcore_postgres import PostgresStorage
from chatcore_postgres.changes import LOST_IDS
from chatcore_postgres.rows import change_number

_RENAME = f"update conversations set title = %s, changed_xid = {change_number()} where id = %s"  # noqa: S608 - a literal
_NUMBER = "update conversations set changed_xid = %s where id = %s"


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[PostgresStorage]:
    async with PostgresStorage(database_url) as storage:
        yield storage


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        yield connection


@asynccontextmanager
async def a_late_change(connection: psycopg.AsyncConnection[Any], conversation: Conversation) -> AsyncIterator[None]:
    """Changes a conversation in a transaction that commits at the end of the block."""
    async with connection.transaction():
        await connection.execute(_RENAME, ("late", conversation.id))
        yield


async def told(storage: PostgresStorage, after: Watermark) -> tuple[set[ConversationId], Watermark]:
    """Returns the ids of Alice's conversations that have changed, and the place from which to read on."""
    read = await storage.read_changes_of_all([ALICE], after, 1000)
    assert read.is_known
    return {change.conversation_id for change in read.changes.get(ALICE, ())}, read.watermark


def handed_out(watermark: Watermark) -> Watermark:
    """Returns a watermark as a client sends it back."""
    return Watermark.decode(watermark.encode())


async def test_a_change_that_commits_late_is_told_and_others_are_not_repeated(
    storage: PostgresStorage, connection: psycopg.AsyncConnection[Any]
) -> None:
    late, early = await create(storage), await create(storage)
    before = await storage.read_watermark()
    async with a_late_change(connection, late):
        await storage.update_conversation(ALICE, early.id, a_rename("early"))
        meanwhile, between = await told(storage, before)
        again, _ = await told(storage, between)
    after, _ = await told(storage, between)

    assert (meanwhile, again, after) == ({early.id}, set(), {late.id})


async def test_a_client_that_comes_back_is_told_of_a_change_that_committed_late(
    storage: PostgresStorage, connection: psycopg.AsyncConnection[Any]
) -> None:
    late, early = await create(storage), await create(storage)
    before = await storage.read_watermark()
    async with a_late_change(connection, late):
        await storage.update_conversation(ALICE, early.id, a_rename("early"))
        _, between = await told(storage, before)
        await storage.update_conversation(ALICE, early.id, a_rename("again"))
        _, later = await told(storage, between)

    for place in (between, later):
        assert late.id in (await told(storage, handed_out(place)))[0]
    _, end = await told(storage, later)
    assert (await told(storage, evolve(end, beyond="")))[0] == set()


async def test_no_change_of_many_that_commit_in_any_order_is_missed(
    storage: PostgresStorage, database_url: str
) -> None:
    conversations = [await create(storage) for _ in range(8)]
    place = await storage.read_watermark()
    seen: dict[ConversationId, list[int]] = {conversation.id: [] for conversation in conversations}
    generator = random.Random(16)

    async def write(conversation: Conversation) -> None:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            for number in range(20):
                async with connection.transaction():
                    await connection.execute(_RENAME, (str(number), conversation.id))
                    await asyncio.sleep(generator.choice([0, 0.001, 0.03]))

    async def read(after: Watermark) -> Watermark:
        found = await storage.read_changes_of_all([ALICE], after, 1000)
        for change in found.changes.get(ALICE, ()):
            assert change.conversation is not None
            seen[change.conversation_id].append(int(change.conversation.title))
        return found.watermark

    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(write(conversation)) for conversation in conversations]
        while not all(writer.done() for writer in writers):
            place = await read(handed_out(place) if generator.random() < 0.3 else place)
            await asyncio.sleep(generator.choice([0, 0.002]))
    await read(place)

    # A read may skip versions, but shows the newest one, and goes back to none.
    assert all(titles[-1] == 19 for titles in seen.values())
    assert all(titles == sorted(titles) for titles in seen.values())


async def test_a_copied_row_with_an_id_that_is_still_to_come_is_not_told(
    storage: PostgresStorage, connection: psycopg.AsyncConnection[Any]
) -> None:
    before = await storage.read_watermark()
    copied = await create(storage)
    await connection.execute(_NUMBER, (before.number + 10**6, copied.id))

    assert (await told(storage, before))[0] == set()
    await storage.update_conversation(ALICE, copied.id, a_rename())
    assert (await told(storage, before))[0] == {copied.id}


async def test_the_place_of_a_table_that_was_restored_is_not_known(
    storage: PostgresStorage, connection: psycopg.AsyncConnection[Any]
) -> None:
    place = await storage.read_watermark()
    assert (await storage.read_changes(ALICE, handed_out(place), 1)).is_known

    for statement in (
        "alter table conversations rename to old",
        "create table conversations (like old including all)",
    ):
        await connection.execute(statement)

    assert not (await storage.read_changes(ALICE, place, 1)).is_known
    assert (await storage.read_changes(ALICE, await storage.read_watermark(), 1)).is_known


async def test_ids_that_a_crash_may_have_lost_are_told_again(
    storage: PostgresStorage, connection: psycopg.AsyncConnection[Any]
) -> None:
    reused, old = await create(storage), await create(storage)
    place = await storage.read_watermark()
    # A new server has given out fewer ids than a crash may lose.
    at = evolve(place, number=place.number + 2 * LOST_IDS, beyond="")
    for conversation, number in ((reused, at.number - LOST_IDS), (old, at.number - LOST_IDS - 1)):
        await connection.execute(_NUMBER, (number, conversation.id))
    await _spend(connection, 2 * LOST_IDS)
    before_the_start = evolve(at, at=place.at - timedelta(days=365))

    assert (await told(storage, at))[0] == set()
    assert (await told(storage, before_the_start))[0] == {reused.id}


async def _spend(connection: psycopg.AsyncConnection[Any], count: int) -> None:
    """Makes the server give out that many ids."""
    await connection.execute(
        f"do $$ begin for n in 1..{count} loop perform pg_current_xact_id(); commit; end loop; end $$"
    )
