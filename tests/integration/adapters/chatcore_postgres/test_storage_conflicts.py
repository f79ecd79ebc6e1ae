"""Statements on a busy, strict or changing database succeed, or the caller is told to try again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from time import monotonic
from typing import Any, LiteralString

import pytest
from attrs import evolve
from psycopg import AsyncConnection, sql
from tests.integration.faults.waiting import eventually

from chatcore.conversations.listing import PageRequest
from chatcore.conversations.path import WHOLE_PATH, SliceKey
from chatcore.errors import GenerationInProgressError
from chatcore.ports import AcceptedTurn
from chatcore.replies.lease import RENEWAL_SECONDS, Lease, LeaseStatus
from chatcore.testing.samples import ALICE, NOON, a_final_state, a_key, a_rename, a_turn, an_owner, later, progress
from chatcore.testing.storage.steps import begin, create, end, lease_of
from chatcore_postgres import PostgresStorage

_WAITING = """
select count(*) from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock' and state = 'active'
"""
_NEXT_VERSION: tuple[LiteralString, ...] = (
    "alter table conversations add column pinned boolean not null default false",
    "alter table messages add column rating integer",
    "alter table generations add column priority integer not null default 0",
    "alter table deltas add column kind text",
    "alter table idempotency_keys add column note text",
    "create index messages_by_rating on messages (user_id, rating)",
)


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[PostgresStorage]:
    async with PostgresStorage(database_url) as storage:
        yield storage


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        yield connection


async def _is_waited_for(admin: AsyncConnection[Any]) -> bool:
    row = await (await admin.execute(_WAITING)).fetchone()
    return row is not None and row[0] > 0


async def test_a_final_state_that_is_the_victim_of_a_deadlock_is_still_written(
    storage: PostgresStorage, admin: AsyncConnection[Any], database_url: str
) -> None:
    """The deadlock is a real one."""
    lease = await begin(storage)
    async with await AsyncConnection.connect(database_url) as other:
        # The other session must be the one that notices the deadlock.
        await other.execute("set local deadlock_timeout = '1min'")
        await other.execute("select 1 from generations for update")
        finishing = asyncio.create_task(storage.finish(lease, a_final_state()))
        await eventually(lambda: _is_waited_for(admin), within=5, what="an ending that waits")
        # Each session now holds the lock that the other one waits for.
        await other.execute("select 1 from conversations for update")
    assert await finishing


async def test_racing_turns_on_a_serializable_database_get_definite_answers(
    admin: AsyncConnection[Any], database_url: str
) -> None:
    """The serialization failures are real."""
    statement = sql.SQL("alter database {} set default_transaction_isolation = 'serializable'")
    await admin.execute(statement.format(sql.Identifier(admin.info.dbname)))
    async with PostgresStorage(database_url) as strict:
        conversations = [await create(strict) for _ in range(3)]
        answers = await asyncio.gather(
            *(strict.begin_turn(a_turn(conversation)) for conversation in conversations for _ in range(3)),
            return_exceptions=True,
        )
        begun = [answer for answer in answers if isinstance(answer, AcceptedTurn)]
        refused = [answer for answer in answers if isinstance(answer, GenerationInProgressError)]
        assert (len(begun), len(refused)) == (3, 6)
        assert await asyncio.gather(*(strict.finish(lease_of(turn), a_final_state()) for turn in begun)) == [True] * 3


@pytest.mark.parametrize("minutes", [-5, 5])
async def test_leases_expire_by_the_clock_of_the_database(
    storage: PostgresStorage, admin: AsyncConnection[Any], minutes: int
) -> None:
    row = await (await admin.execute("select now()")).fetchone()
    assert row is not None
    wrong = row[0] + timedelta(minutes=minutes)
    conversation = await create(storage)
    lease = lease_of(await storage.begin_turn(a_turn(conversation, now=wrong)))

    assert await storage.claim_expired(an_owner(), (), 10) == []
    await admin.execute("update generations set lease_until = now() - interval '1 second'")
    (claimed,) = await storage.claim_expired(an_owner(), (), 10)
    assert (claimed.message_id, claimed.epoch) == (lease.message_id, 2)
    assert await storage.checkpoint(lease.owner_id, [progress(lease, "too late", renew=True)]) == [LeaseStatus.LOST]


async def test_what_was_updated_never_goes_back_in_time(storage: PostgresStorage) -> None:
    """The clock of one of two processes is five minutes behind."""
    conversation = await create(storage)
    await end(storage, lease_of(await storage.begin_turn(a_turn(conversation, now=later(5)))), a_final_state(at=NOON))

    (listed,) = (await storage.list_conversations(ALICE, PageRequest())).conversations
    assert listed.updated_at == later(5)


async def test_a_version_keeps_working_while_the_next_schema_is_applied(
    storage: PostgresStorage, admin: AsyncConnection[Any]
) -> None:
    """The server has prepared the statements for the old schema."""
    conversation = await create(storage)
    for number in range(8):
        await _live(storage, await _begun(storage, conversation.user_id, f"before {number}"))
    for statement in _NEXT_VERSION:
        await admin.execute(statement)
    for number in range(8):
        await _live(storage, await _begun(storage, conversation.user_id, f"after {number}"))


async def _begun(storage: PostgresStorage, user_id: str, key: str) -> AcceptedTurn:
    turn = evolve(a_turn(await create(storage, user_id)), idempotency_key=a_key(key.replace(" ", "-")))
    return await storage.begin_turn(turn)


async def _live(storage: PostgresStorage, turn: AcceptedTurn) -> None:
    """Does everything with a turn that the service does."""
    lease = lease_of(turn)
    await storage.checkpoint(lease.owner_id, [progress(lease, "Hi", renew=True)])
    await storage.request_stop(lease.user_id, lease.conversation_id, lease.message_id)
    await storage.get_message(lease.user_id, lease.conversation_id, lease.message_id)
    assert await storage.recover(lease, lambda orphan: a_final_state(orphan.text)) == a_final_state("Hi")
    await storage.update_conversation(lease.user_id, lease.conversation_id, a_rename("Renamed"))
    path = await storage.open_path(lease.user_id, lease.conversation_id, WHOLE_PATH)
    await storage.read_slice(lease.user_id, lease.conversation_id, SliceKey(path.first.messages[-1].id, 1))
    await storage.read_tree(lease.user_id, lease.conversation_id, 0)
    await storage.read_text(lease.user_id, lease.conversation_id, lease.message_id, 0)
    await storage.list_conversations(lease.user_id, PageRequest())
    await storage.delete_conversation(lease.user_id, lease.conversation_id)


async def test_two_hundred_final_states_at_once_are_written_and_delay_no_lease(storage: PostgresStorage) -> None:
    owner = an_owner()
    turns = [evolve(a_turn(await create(storage)), owner_id=owner) for _ in range(201)]
    going, *final_state = [lease_of(await storage.begin_turn(turn)) for turn in turns]
    finishing = asyncio.gather(*(storage.finish(lease, a_final_state()) for lease in final_state))

    slowest = 0.0
    for number in range(5):
        began = monotonic()
        assert await _renew(storage, going, number) is LeaseStatus.HELD
        slowest = max(slowest, monotonic() - began)

    assert slowest < RENEWAL_SECONDS / 2
    assert await finishing == [True] * 200


async def _renew(storage: PostgresStorage, lease: Lease, number: int) -> LeaseStatus:
    (status,) = await storage.checkpoint(lease.owner_id, [progress(lease, "x", start_offset=number, renew=True)])
    return status
