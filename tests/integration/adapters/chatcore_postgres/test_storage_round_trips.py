"""The cost of statements in round trips: one for each step of a reply, and one to open a small conversation."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from attrs import evolve

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.path import WHOLE_PATH
from chatcore.ports import NewTurn
from chatcore.testing.samples import a_final_state, a_key, a_turn, progress
from chatcore.testing.storage.steps import create, lease_of
from chatcore_postgres import PostgresStorage
from chatcore_postgres.driver import database


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[PostgresStorage]:
    async with PostgresStorage(database_url, min_connections=1, max_connections=1, reserved_connections=1) as storage:
        yield storage


async def test_beginning_checkpointing_and_finishing_are_one_round_trip_each(
    storage: PostgresStorage, tmp_path: Path
) -> None:
    conversation = await create(storage)
    for warm_up in range(8):
        # A connection prepares each statement once, at its second use.
        lease = lease_of(await storage.begin_turn(_keyed(conversation, f"{warm_up}")))
        await storage.checkpoint(lease.owner_id, [progress(lease, "Hi", renew=True)])
        await storage.finish(lease, a_final_state())
    async with (
        _traced(storage._pools.requests, tmp_path / "requests") as requests,
        _traced(storage._pools.background, tmp_path / "background") as background,
        _traced(storage._pools.endings, tmp_path / "endings") as endings,
    ):
        lease = lease_of(await storage.begin_turn(_keyed(conversation, "last")))
        assert (requests(), background(), endings()) == (1, 0, 0)

        await storage.checkpoint(lease.owner_id, [progress(lease, "Hi", renew=True)])
        assert (requests(), background(), endings()) == (1, 1, 0)

        await storage.finish(lease, a_final_state())
        assert (requests(), background(), endings()) == (1, 1, 1)


async def test_opening_a_small_conversation_is_one_round_trip(storage: PostgresStorage, tmp_path: Path) -> None:
    conversation = await create(storage)
    for number in range(50):
        lease = lease_of(await storage.begin_turn(_keyed(conversation, f"{number}")))
        await storage.finish(lease, a_final_state("An answer of some length. " * 40))
    running = lease_of(await storage.begin_turn(_keyed(conversation, "last")))
    await storage.checkpoint(running.owner_id, [progress(running, "Hi", renew=True)])
    for _ in range(8):
        await storage.open_path(conversation.user_id, conversation.id, WHOLE_PATH)

    async with _traced(storage._pools.requests, tmp_path / "requests") as requests:
        path = await storage.open_path(conversation.user_id, conversation.id, WHOLE_PATH)

        assert (requests(), len(path.first.messages), list(path.rest)) == (1, 102, [])


@asynccontextmanager
async def _traced(pool: database.Database, path: Path) -> AsyncIterator[Callable[[], int]]:
    """Traces the only connection of a pool with libpq; yields a function that counts the round trips so far."""
    with path.open("w") as file:

        async def start(connection: database.Connection) -> None:
            connection.pgconn.trace(file.fileno())

        async def stop(connection: database.Connection) -> None:
            connection.pgconn.untrace()

        await pool.run(start)
        # Every round trip of the protocol ends with one Sync message of the client.
        yield lambda: len(re.findall(r"\bSync\b", path.read_text()))
        await pool.run(stop)


def _keyed(conversation: Conversation, key: str) -> NewTurn:
    return evolve(a_turn(conversation), idempotency_key=a_key(key))
