"""A caller may be cancelled at any moment: its call is done wholly or not at all, and no connection is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, LiteralString
from uuid import uuid4

import pytest
from attrs import evolve
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from tests.integration.adapters.chatcore_postgres.cancelling import Moment, cancelled_at
from tests.integration.faults.waiting import eventually

from chatcore.conversations.log import Piece
from chatcore.conversations.message import ConversationId
from chatcore.conversations.parts import PartKind
from chatcore.conversations.path import WHOLE_PATH
from chatcore.errors import NotFoundError
from chatcore.testing.samples import (
    a_final_state,
    a_fork,
    a_key,
    a_regeneration,
    a_rename,
    a_turn,
    an_owner,
    progress,
)
from chatcore.testing.storage.steps import begin, checkpoint, create, end, lease_of
from chatcore_postgres import PostgresStorage
from chatcore_postgres.driver.database import Database

# Leases are left out, because they are renewed during the test, and the times and numbers of changes, because each
# transaction has its own.
_STATE = """
select 'conversation', to_jsonb(c) - 'changed_xid' from conversations as c where user_id = %(user)s
union all select 'message', to_jsonb(m) from messages as m where user_id = %(user)s
union all select 'generation', to_jsonb(g) - 'lease_until' from generations as g where user_id = %(user)s
union all select 'delta', to_jsonb(d) from deltas as d where user_id = %(user)s
union all select 'piece', to_jsonb(p) from pieces as p where user_id = %(user)s
union all select 'key', to_jsonb(k) from idempotency_keys as k where user_id = %(user)s
union all
select 'deletion', to_jsonb(d) - 'changed_xid' - 'deleted_at' from deleted_conversations as d where user_id = %(user)s
order by 1, 2
"""
_BUSY = """
select count(*) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
"""
_WAITING = _BUSY + " and wait_event_type = 'Lock'"

Act = Callable[[], Awaitable[object]]
#: Prepares a call for a user, and returns the call.
Scene = Callable[[PostgresStorage, str], Awaitable[Act]]


async def _create(storage: PostgresStorage, user_id: str) -> Act:
    conversation = evolve(await create(storage, user_id), id=ConversationId(uuid4()))
    return lambda: storage.create_conversation(conversation)


async def _fork(storage: PostgresStorage, user_id: str) -> Act:
    conversation = await create(storage, user_id)
    pieces = (Piece(0, 0, PartKind.REASONING, "hm"),)
    await end(storage, await begin(storage, conversation), evolve(a_final_state(), pieces=pieces, pieces_bytes=2))
    new = a_fork(conversation)
    return lambda: storage.fork_conversation(new)


async def _rename(storage: PostgresStorage, user_id: str) -> Act:
    conversation = await create(storage, user_id)
    return lambda: storage.update_conversation(user_id, conversation.id, a_rename("Renamed"))


async def _delete(storage: PostgresStorage, user_id: str) -> Act:
    conversation = await create(storage, user_id)
    await checkpoint(storage, progress(await begin(storage, conversation), "Hi"))
    return lambda: storage.delete_conversation(user_id, conversation.id)


async def _begin_turn(storage: PostgresStorage, user_id: str) -> Act:
    turn = evolve(a_turn(await create(storage, user_id)), idempotency_key=a_key())
    return lambda: storage.begin_turn(turn)


async def _begin_regeneration(storage: PostgresStorage, user_id: str) -> Act:
    conversation = await create(storage, user_id)
    await end(storage, await begin(storage, conversation), a_final_state())
    regeneration = a_regeneration(conversation)
    return lambda: storage.begin_regeneration(regeneration)


async def _request_stop(storage: PostgresStorage, user_id: str) -> Act:
    lease = await begin(storage, await create(storage, user_id))
    return lambda: storage.request_stop(user_id, lease.conversation_id, lease.message_id)


async def _checkpoint(storage: PostgresStorage, user_id: str) -> Act:
    turns = [a_turn(await create(storage, user_id)) for _ in range(3)]
    leases = [lease_of(await storage.begin_turn(evolve(turn, owner_id=turns[0].owner_id))) for turn in turns]
    parts = [progress(lease, "Hi", renew=True) for lease in leases]
    return lambda: storage.checkpoint(turns[0].owner_id, parts)


async def _finish(storage: PostgresStorage, user_id: str) -> Act:
    lease = await begin(storage, await create(storage, user_id))
    await checkpoint(storage, progress(lease, "Hi"))
    return lambda: storage.finish(lease, a_final_state("Hi there"))


async def _recover(storage: PostgresStorage, user_id: str) -> Act:
    lease = await begin(storage, await create(storage, user_id))
    await checkpoint(storage, progress(lease, "Hi"))
    return lambda: storage.recover(lease, lambda orphan: a_final_state(orphan.text))


async def _claim(storage: PostgresStorage, user_id: str) -> Act:
    await begin(storage, await create(storage, user_id))
    await storage._pools.background.fetch(
        "update generations set lease_until = '2000-01-01' where user_id = %(user)s returning 1", {"user": user_id}
    )
    owner = an_owner()
    return lambda: storage.claim_expired(owner, (), 100)


async def _purge(storage: PostgresStorage, user_id: str) -> Act:
    conversation = await create(storage, user_id)
    await storage.begin_turn(evolve(a_turn(conversation), idempotency_key=a_key()))
    await storage._pools.background.fetch(
        "update idempotency_keys set created_at = '2000-01-01' where user_id = %(user)s returning 1", {"user": user_id}
    )
    return lambda: storage.purge_idempotency_keys(86_400, 100)


async def _open(storage: PostgresStorage, user_id: str) -> Act:
    conversation = await create(storage, user_id)
    return lambda: storage.open_path(user_id, conversation.id, WHOLE_PATH)


SCENES: tuple[Scene, ...] = (
    _create,
    _fork,
    _rename,
    _delete,
    _begin_turn,
    _begin_regeneration,
    _request_stop,
    _checkpoint,
    _finish,
    _recover,
    _claim,
    _purge,
    _open,
)


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[PostgresStorage]:
    # One connection in each pool, so that a lost connection is noticed at once.
    async with PostgresStorage(database_url, min_connections=1, max_connections=1, reserved_connections=2) as storage:
        await storage.ping()
        yield storage


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def holder(database_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    """Provides another connection, which holds locks."""
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("moment", Moment)
async def test_a_call_cancelled_at_any_wait_is_done_wholly_or_not_at_all(
    storage: PostgresStorage, admin: AsyncConnection[Any], moment: Moment
) -> None:
    for scene in SCENES:
        wait, was_cut = 0, True
        while was_cut:
            wait += 1
            user_id = uuid4().hex
            act = await scene(storage, user_id)
            before = await _state(admin, user_id)
            was_cut = await cancelled_at(_as_coroutine(act), wait, moment)
            await _expect_done_or_not(storage, admin, act, user_id, before)
        assert wait > 1, f"{scene.__name__} was never cancelled"


@pytest.mark.parametrize("times", [1, 2])
async def test_a_call_cancelled_during_a_lock_wait_is_done_wholly_or_not_at_all(
    storage: PostgresStorage, admin: AsyncConnection[Any], holder: AsyncConnection[Any], times: int
) -> None:
    for scene in (_rename, _delete, _begin_turn, _begin_regeneration, _finish, _recover):
        user_id = uuid4().hex
        act = await scene(storage, user_id)
        before = await _state(admin, user_id)
        async with holder.transaction():
            await holder.execute("select 1 from conversations where user_id = %s for update", (user_id,))
            waiting = asyncio.create_task(_as_coroutine(act))
            await eventually(lambda: _counted(admin, _WAITING), within=5, what="a statement that waits")
            for _ in range(times):
                waiting.cancel()
                await asyncio.sleep(0)
            await asyncio.wait([waiting])
        assert waiting.cancelled()
        await _expect_done_or_not(storage, admin, act, user_id, before)


@pytest.mark.parametrize("moment", Moment)
async def test_a_cancellation_in_the_queue_for_a_connection_loses_none(
    storage: PostgresStorage, admin: AsyncConnection[Any], holder: AsyncConnection[Any], moment: Moment
) -> None:
    first, second = [await create(storage) for _ in range(2)]
    for wait in (1, 2):
        async with holder.transaction():
            await holder.execute("select 1 from conversations where id = %s for update", (first.id,))
            using = asyncio.create_task(storage.update_conversation(first.user_id, first.id, a_rename("First")))
            await eventually(
                lambda: not storage._pools.requests.stats()["pool_available"], within=5, what="no connection"
            )
            queuing = storage.update_conversation(second.user_id, second.id, a_rename("Second"))
            cut = asyncio.create_task(cancelled_at(_as_coroutine(lambda: queuing), wait, moment))  # noqa: B023 - at once
            await eventually(lambda: _is_queued_or_cut(storage, cut), within=5, what="the queue")  # noqa: B023 - at once
        assert (await using).title == "First"
        assert await cut
        await _expect_clean_connections(storage, admin)


def _is_queued_or_cut(storage: PostgresStorage, cut: "asyncio.Task[bool]") -> bool:
    return cut.done() or bool(storage._pools.requests.stats().get("requests_waiting"))


async def _expect_done_or_not(
    storage: PostgresStorage, admin: AsyncConnection[Any], act: Act, user_id: str, before: list[Any]
) -> None:
    """Asserts that a cancelled call took effect wholly or not at all, and takes effect once when it is repeated."""
    await _expect_clean_connections(storage, admin)
    after = await _state(admin, user_id)
    # A deletion that took effect is refused when it is repeated.
    with suppress(NotFoundError):
        await act()
    assert after in (before, await _state(admin, user_id)), act


async def _as_coroutine(act: Act) -> object:
    return await act()


async def _state(admin: AsyncConnection[Any], user_id: str) -> list[Any]:
    return await (await admin.execute(_STATE, {"user": user_id})).fetchall()


async def _counted(admin: AsyncConnection[Any], query: LiteralString) -> int:
    row = await (await admin.execute(query)).fetchone()
    assert row is not None
    count: int = row[0]
    return count


async def _expect_clean_connections(storage: PostgresStorage, admin: AsyncConnection[Any]) -> None:
    """Asserts that no transaction is open, and that every pool has its connection back, or another one."""

    async def nothing_is_open() -> bool:
        return await _counted(admin, _BUSY) == 0

    await eventually(nothing_is_open, within=5, what="no transaction left open")
    for pool in (storage._pools.requests, storage._pools.endings, storage._pools.background):
        await eventually(partial(_is_whole, pool), within=5, what="a connection that is free and idle")


def _is_whole(pool: Database) -> bool:
    stats = pool.stats()
    free = list(pool._pool._pool)
    return (stats["pool_size"], stats["pool_available"]) == (1, 1) and all(
        connection.info.transaction_status is TransactionStatus.IDLE for connection in free
    )
