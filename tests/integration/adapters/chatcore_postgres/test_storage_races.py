"""Racing turns get a definite answer, because a statement with a stale snapshot is sent again.

Each test holds the other statement back in an open transaction, so that every race takes place.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
from attrs import evolve
from psycopg import AsyncRawCursor
from psycopg.conninfo import make_conninfo

from chatcore.conversations.conversation import Conversation
from chatcore.errors import (
    ConversationNotFoundError,
    GenerationInProgressError,
    IdempotencyKeyReusedError,
    TooManyGenerationsError,
)
from chatcore.ports import AcceptedTurn, NewTurn
from chatcore.replies.lease import LeaseStatus
from chatcore.testing.samples import (
    a_conversation,
    a_final_state,
    a_key,
    a_reader,
    a_regeneration,
    a_turn,
    progress,
    text_of,
)
from chatcore.testing.storage.steps import begin, create, end, lease_of, reopen
from chatcore_postgres import PostgresStorage
from chatcore_postgres.driver.database import Connection, Database, fetch_on
from chatcore_postgres.replies.begin_turn import begin_turn
from chatcore_postgres.replies.finish import finish

_Result = TypeVar("_Result")

_WAITING = """
select 1 from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock' and state = 'active'
"""


class _OneConnection(Database):
    """Runs everything on one connection, whose transaction the test ends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def run(
        self, unit: Callable[[Connection], Awaitable[_Result]], *, timeout_seconds: float | None = None
    ) -> _Result:
        del timeout_seconds
        return await unit(self._connection)


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[PostgresStorage]:
    async with PostgresStorage(database_url) as storage:
        yield storage


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[_OneConnection]:
    async with await Connection.connect(database_url, cursor_factory=AsyncRawCursor) as connection:
        yield _OneConnection(connection)


@pytest.mark.parametrize("is_regeneration", [False, True])
async def test_a_request_that_waited_for_a_turn_is_told_of_its_reply(
    storage: PostgresStorage, other: _OneConnection, *, is_regeneration: bool
) -> None:
    conversation = await create(storage)
    await end(storage, await begin(storage, conversation), a_final_state())
    first = a_turn(conversation)

    async def request() -> AcceptedTurn:
        if is_regeneration:
            return await storage.begin_regeneration(a_regeneration(conversation))
        return await storage.begin_turn(a_turn(conversation))

    async with _overtaken(other, lambda: begin_turn(other, first)):
        second = asyncio.create_task(request())
        await _someone_waits(other)

    with pytest.raises(GenerationInProgressError) as caught:
        await second
    assert caught.value.message_id == first.reply_id


async def test_a_turn_that_waited_for_a_whole_other_turn_follows_it(
    storage: PostgresStorage, other: _OneConnection
) -> None:
    conversation = await create(storage)

    async def whole_turn() -> AcceptedTurn:
        accepted = await begin_turn(other, a_turn(conversation, "one"))
        assert await finish(other, lease_of(accepted), a_final_state("two"))
        return accepted

    async with _overtaken(other, whole_turn):
        second = asyncio.create_task(storage.begin_turn(a_turn(conversation, "three")))
        await _someone_waits(other)

    accepted = await second
    assert [message.content for message in accepted.history] == ["one", "two", "three"]
    assert [message.position for message in (await reopen(storage, conversation)).messages] == [1, 2, 3, 4]


async def test_a_turn_that_waited_for_the_same_key_is_the_same_turn(
    storage: PostgresStorage, other: _OneConnection
) -> None:
    conversation = await create(storage)
    first = _keyed(conversation)

    async with _overtaken(other, lambda: begin_turn(other, first)):
        second = asyncio.create_task(storage.begin_turn(_keyed(conversation)))
        await _someone_waits(other)

    accepted = await second
    assert (accepted.reply.id, accepted.lease) == (first.reply_id, None)


async def test_one_key_in_two_conversations_at_once_is_used_once(
    storage: PostgresStorage, other: _OneConnection
) -> None:
    one, two = await create(storage), await create(storage)

    async with _overtaken(other, lambda: begin_turn(other, _keyed(one))):
        second = asyncio.create_task(storage.begin_turn(_keyed(two, request="another")))
        await _someone_waits(other)

    with pytest.raises(IdempotencyKeyReusedError):
        await second
    assert not (await reopen(storage, two)).messages


async def test_the_last_free_slot_is_taken_once(storage: PostgresStorage, other: _OneConnection) -> None:
    one, two = await create(storage), await create(storage)

    async with _overtaken(other, lambda: begin_turn(other, evolve(a_turn(one), max_generations=1))):
        second = asyncio.create_task(storage.begin_turn(evolve(a_turn(two), max_generations=1)))
        await _someone_waits(other)

    with pytest.raises(TooManyGenerationsError):
        await second


async def test_a_turn_that_waited_for_a_new_title_leaves_it_alone(
    storage: PostgresStorage, other: _OneConnection
) -> None:
    conversation = await create(storage)

    async def rename() -> None:
        await fetch_on(
            other._connection, "update conversations set title = 'Mine', title_source = 'user' returning id", {}
        )

    async with _overtaken(other, rename):
        turn = asyncio.create_task(storage.begin_turn(a_turn(conversation)))
        await _someone_waits(other)

    assert (await turn).lease is not None
    assert (await reopen(storage, conversation)).conversation.title == "Mine"


async def test_a_refused_turn_waits_for_no_lock(storage: PostgresStorage, other: _OneConnection) -> None:
    lease = await begin(storage)
    conversation = evolve(a_conversation(), id=lease.conversation_id)

    async def lock() -> None:
        await fetch_on(other._connection, "select id from conversations for update", {})

    async with _overtaken(other, lock):
        with pytest.raises(GenerationInProgressError) as caught:
            await storage.begin_turn(a_turn(conversation))

    assert caught.value.message_id == lease.message_id


async def test_a_final_state_that_waited_for_its_own_repeat_is_confirmed(
    storage: PostgresStorage, other: _OneConnection
) -> None:
    lease = await begin(storage)

    async with _overtaken(other, lambda: finish(other, lease, a_final_state())):
        repeat = asyncio.create_task(storage.finish(lease, a_final_state()))
        await _someone_waits(other)

    assert await repeat


async def test_text_that_waited_for_the_final_state_is_lost_and_delays_no_other(
    storage: PostgresStorage, other: _OneConnection
) -> None:
    first = a_turn(await create(storage))
    second = evolve(a_turn(await create(storage)), owner_id=first.owner_id)
    ended, held = [lease_of(await storage.begin_turn(turn)) for turn in (first, second)]

    async with _overtaken(other, lambda: finish(other, ended, a_final_state())):
        checkpoint = asyncio.create_task(
            storage.checkpoint(first.owner_id, [progress(ended, "too late"), progress(held, "in time")])
        )
        await _someone_waits(other)

    assert await checkpoint == [LeaseStatus.LOST, LeaseStatus.HELD]
    assert [text_of(read) for read in await storage.read_deltas([a_reader(ended), a_reader(held)])] == ["", "in time"]


async def test_a_turn_that_waited_for_the_deletion_finds_nothing(
    storage: PostgresStorage, other: _OneConnection
) -> None:
    conversation = await create(storage)

    async def delete() -> None:
        await fetch_on(other._connection, "delete from conversations returning id", {})

    async with _overtaken(other, delete):
        second = asyncio.create_task(storage.begin_turn(a_turn(conversation)))
        await _someone_waits(other)

    with pytest.raises(ConversationNotFoundError):
        await second


async def test_finishes_deletions_and_turns_never_deadlock(storage: PostgresStorage, other: _OneConnection) -> None:
    for _ in range(30):
        conversation = a_conversation()
        await storage.create_conversation(conversation)
        lease = await begin(storage, conversation)
        await asyncio.gather(
            storage.finish(lease, a_final_state()),
            storage.delete_conversation(conversation.user_id, conversation.id),
            storage.begin_turn(a_turn(conversation)),
            storage.recover(lease, lambda orphan: a_final_state(orphan.text)),
            return_exceptions=True,
        )
    await storage.close()

    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
    assert await fetch_on(other._connection, deadlocks, {}) == [(0,)]


def _keyed(conversation: Conversation, request: str = "request") -> NewTurn:
    return evolve(a_turn(conversation), idempotency_key=a_key("key", request))


@asynccontextmanager
async def _overtaken(other: _OneConnection, act: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Runs `act` in a transaction that is committed at the end of the block."""
    async with other._connection.transaction():
        await act()
        yield


async def _someone_waits(other: _OneConnection) -> None:
    info = other._connection.info
    # The DSN that a connection reports has no password.
    conninfo = make_conninfo(info.dsn, password=info.password)
    async with await Connection.connect(conninfo, autocommit=True) as connection:
        async with asyncio.timeout(10):
            while not await (await connection.execute(_WAITING)).fetchone():  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(0.01)
