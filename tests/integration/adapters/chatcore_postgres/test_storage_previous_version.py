"""During a deploy the previous version of the service runs beside this one, and each ends the replies of the other.

The folder `previous_version` holds the statements of that version in the style of psycopg.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import asdict, evolve, frozen
from psycopg import AsyncConnection

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.listing import Page, PageRequest
from chatcore.conversations.message import ConversationId, Status
from chatcore.ports import NewTurn
from chatcore.replies.lease import LEASE_SECONDS, FinalState, Lease, OwnerId
from chatcore.replies.rescue import Rescue, RescuePolicy
from chatcore.search.listing import BEGINNING
from chatcore.search.query import QueryTerm
from chatcore.testing.samples import (
    ALICE,
    NOON,
    a_conversation,
    a_final_state,
    a_turn,
    an_interruption,
    an_owner,
    continuation_of,
    later,
    progress,
)
from chatcore.testing.storage.path_steps import contents, read_path
from chatcore.testing.storage.search_steps import index_all, walk
from chatcore.testing.storage.steps import begin, checkpoint, claim, converse, create, end, lease_of, message_of, stored
from chatcore.user import UserId
from chatcore_postgres import PostgresStorage
from chatcore_postgres.replies.begin_turn import turn_parameters
from chatcore_postgres.replies.finish import finish_parameters, lease_parameters

_STATEMENTS = Path(__file__).with_name("previous_version")
_POLICY = RescuePolicy(rescue=Rescue.CONTINUE, can_continue=True)


@frozen
class PreviousVersion:
    """A process of the previous version, on a connection of its own."""

    connection: AsyncConnection[Any]

    async def send(self, name: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Sends one of its statements."""
        statement = (_STATEMENTS / f"{name}.sql").read_text()
        return await (await self.connection.execute(statement.encode(), parameters)).fetchall()

    async def create(self, conversation: Conversation) -> None:
        """Stores a conversation."""
        values = {**asdict(conversation), "title_source": conversation.title_source.value}
        ((stored,),) = await self.send("create_conversation", values)
        assert stored == conversation.id

    async def listed(self, user_id: UserId) -> list[ConversationId]:
        """Returns the ids of the first page of a user's conversations."""
        rows = await self.send("list_by_offset", {"user_id": user_id, "limit": 51, "offset": 0})
        return [id_ for id_, *_ in rows]

    async def begin(self, turn: NewTurn) -> Lease:
        """Begins a turn."""
        ((outcome, *_),) = await self.send("begin_turn", turn_parameters(turn))
        assert outcome == "accepted"
        return turn.lease(epoch=1)

    async def checkpoint(self, lease: Lease, text: str, *, start_offset: int = 0) -> None:
        """Stores text of a reply."""
        arrays: dict[str, Sequence[object]] = {
            "user_ids": [lease.user_id],
            "conversation_ids": [lease.conversation_id],
            "message_ids": [lease.message_id],
            "epochs": [lease.epoch],
            "start_offsets": [start_offset],
            "texts": [text],
            "renewals": [True],
        }
        reported = await self.send("checkpoint", {**arrays, "owner_id": lease.owner_id, "lease_seconds": LEASE_SECONDS})
        assert reported == []

    async def rescue(self, owner_id: OwnerId) -> str:
        """Takes the only orphaned reply over and interrupts it, as its recovery did; returns the text."""
        claim = {"owner_id": owner_id, "lease_seconds": LEASE_SECONDS, "running": [], "limit": 10}
        ((user_id, conversation_id, message_id, epoch),) = await self.send("claim_expired", claim)
        lease = Lease(
            user_id=user_id,
            conversation_id=conversation_id,
            message_id=message_id,
            owner_id=owner_id,
            epoch=epoch,
        )
        async with self.connection.transaction():
            assert await self.send("lock", lease_parameters(lease)) == [(owner_id, epoch)]
            ((text, _, replaces),) = await self.send("orphaned_reply", lease_parameters(lease))
            assert not replaces
            await self.finish(lease, an_interruption(text))
        return str(text)

    async def finish(self, lease: Lease, final_state: FinalState) -> None:
        """Writes the final state of a reply."""
        assert await self.send("finish", finish_parameters(lease, final_state)) == [("done",)]


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[PostgresStorage]:
    async with PostgresStorage(database_url) as storage:
        yield storage


@pytest.fixture
async def previous(database_url: str) -> AsyncIterator[PreviousVersion]:
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        yield PreviousVersion(connection)


async def expire_leases(previous: PreviousVersion) -> None:
    await previous.connection.execute("update generations set lease_until = now() - interval '1 second'")


async def test_a_reply_of_the_previous_version_ends_with_the_text_that_it_stored(
    storage: PostgresStorage, previous: PreviousVersion
) -> None:
    lease = await previous.begin(a_turn(await create(storage)))
    await previous.checkpoint(lease, "Hel")
    await previous.checkpoint(lease, "lo", start_offset=3)
    await expire_leases(previous)

    taken = await claim(storage, an_owner())
    await storage.recover(taken, lambda orphan: _POLICY.decide(orphan, now=NOON))

    reply = await message_of(storage, lease)
    assert (reply.status, reply.content) == (Status.INTERRUPTED, "Hello")


async def test_the_previous_version_finishes_its_replies_on_the_new_schema(
    storage: PostgresStorage, previous: PreviousVersion
) -> None:
    lease = await previous.begin(a_turn(await create(storage)))
    await previous.checkpoint(lease, "Hel")
    await previous.finish(lease, a_final_state("Hello"))

    reply = await message_of(storage, lease)
    assert (reply.status, reply.content, reply.stream_id) == (Status.COMPLETE, "Hello", "5")


async def test_a_walk_finds_the_texts_of_the_previous_version(
    storage: PostgresStorage, previous: PreviousVersion
) -> None:
    conversation = await create(storage)
    await index_all(storage)
    lease = await previous.begin(a_turn(conversation, "walrus"))
    await previous.connection.execute("update conversations set title = 'Old talk'")
    running = await begin(storage)
    await previous.finish(lease, a_final_state("Yes"))
    await index_all(storage)

    # The question and its reply wait now, with the title; the reply that still runs will wait at its end.
    assert await walk(storage) == 2
    assert await walk(storage) == 0
    waiting = await storage.claim_pending(10)
    assert {(pending.text, pending.title) for pending in waiting} == {("walrus", "Old talk"), ("Yes", "Old talk")}
    await end(storage, running, a_final_state("No"))
    assert [pending.text for pending in await storage.claim_pending(10)] == ["No"]


async def test_a_walk_goes_through_everything_that_was_stored_before(
    storage: PostgresStorage, previous: PreviousVersion
) -> None:
    for number in range(5):
        conversation = await create(storage, f"user-{number % 2}")
        await end(storage, await begin(storage, conversation), a_final_state("walrus"))
    # As before the migration: nothing waits, and nothing is indexed.
    await previous.connection.execute("delete from search_queue")

    assert await walk(storage) == 10
    await index_all(storage)

    looked = await storage.find_candidates("user-0", [QueryTerm("walrus")], BEGINNING)
    assert len(looked.found) == 3


@pytest.mark.parametrize("is_handed_over", [True, False])
async def test_the_previous_version_ends_a_reply_of_this_one(
    storage: PostgresStorage, previous: PreviousVersion, *, is_handed_over: bool
) -> None:
    lease = await begin(storage)
    await checkpoint(storage, progress(lease, "Hel", token_count=1))
    part = progress(lease, "lo", start_offset=3, token_count=1)
    if is_handed_over:
        assert await storage.hand_over(part)
    else:
        await checkpoint(storage, part)
        await expire_leases(previous)

    assert await previous.rescue(an_owner()) == "Hello"

    reply = await message_of(storage, lease)
    assert (reply.status, reply.content) == (Status.INTERRUPTED, "Hello")


async def test_the_previous_version_ends_a_continuation_with_all_of_its_text(
    storage: PostgresStorage, previous: PreviousVersion
) -> None:
    lease = await begin(storage)
    await end(storage, lease, an_interruption("Hel"))
    continued = lease_of(await storage.begin_continuation(continuation_of(lease)))
    await checkpoint(storage, progress(continued, "lo", start_offset=3))
    await expire_leases(previous)

    assert await previous.rescue(an_owner()) == "Hello"

    reply = await message_of(storage, lease)
    assert (reply.status, reply.content, reply.cuts) == (Status.INTERRUPTED, "Hello", (3,))


async def test_both_versions_list_the_conversations_of_both(
    storage: PostgresStorage, previous: PreviousVersion
) -> None:
    older, newer, pinned = (
        evolve(a_conversation(at=later(1)), instructions="Rhyme."),
        evolve(a_conversation(at=later(2)), is_archived=True),
        evolve(a_conversation(at=later(3)), is_pinned=True),
    )
    await previous.create(older)
    await previous.create(pinned)
    await storage.create_conversation(newer)

    assert await storage.list_conversations(ALICE, PageRequest()) == Page((pinned, older), None, (pinned,))
    assert await storage.list_conversations(ALICE, PageRequest(is_archived=True)) == Page((newer,), None)
    # It does not know of archives.
    assert await previous.listed(ALICE) == [pinned.id, newer.id, older.id]


async def test_a_message_that_the_previous_version_takes_leaves_its_conversation_in_the_archive(
    storage: PostgresStorage, previous: PreviousVersion
) -> None:
    conversation = evolve(a_conversation(), is_archived=True)
    await storage.create_conversation(conversation)

    lease = await previous.begin(a_turn(conversation))
    await previous.finish(lease, a_final_state("Hello"))

    assert (await storage.get_conversation(ALICE, conversation.id)).is_archived


async def test_a_turn_of_the_previous_version_goes_on_after_a_deletion(
    storage: PostgresStorage, previous: PreviousVersion
) -> None:
    conversation = await create(storage)
    first = await converse(storage, conversation, "one", "two")
    await converse(storage, conversation, "three", "four", parent_id=None)
    await storage.delete_message(conversation.user_id, conversation.id, first.user_message.id)

    lease = await previous.begin(evolve(a_turn(conversation), history_limit=1))
    await previous.finish(lease, a_final_state("six"))

    path = await read_path(storage, conversation)
    assert contents(path) == ["three", "four", "Hello", "six"]
    assert [message.versions for message in path] == [(message.id,) for message in path]


async def test_of_what_the_previous_version_changes_the_next_change_of_this_one_is_told(
    storage: PostgresStorage, previous: PreviousVersion
) -> None:
    conversation = await create(storage)
    before = await storage.read_watermark()
    lease = await previous.begin(a_turn(conversation))
    unnoticed = await storage.read_changes(conversation.user_id, before, 10)
    await end(storage, lease, a_final_state())

    read = await storage.read_changes(conversation.user_id, before, 10)
    assert unnoticed.changes == {}
    assert [change.conversation for change in read.changes[conversation.user_id]] == [
        await stored(storage, conversation)
    ]


async def test_what_the_previous_version_creates_is_told(storage: PostgresStorage, previous: PreviousVersion) -> None:
    before = await storage.read_watermark()
    conversation = a_conversation()
    await previous.connection.execute(
        "insert into conversations (user_id, id, title, title_source, model_tag, created_at, updated_at) "
        "values (%s, %s, %s, 'default', 'default', %s, %s)",
        (conversation.user_id, conversation.id, conversation.title, NOON, NOON),
    )

    read = await storage.read_changes(conversation.user_id, before, 10)
    assert [change.conversation for change in read.changes[conversation.user_id]] == [conversation]
