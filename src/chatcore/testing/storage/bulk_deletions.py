"""Tests the deletion of many conversations, as a part of the storage contract."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from attrs import evolve

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.conversation import Conversation
from chatcore.conversations.listing import PageRequest
from chatcore.conversations.message import ConversationId
from chatcore.ports import Storage, WalkCursor
from chatcore.replies.lease import LeaseStatus
from chatcore.testing.samples import ALICE, BOB, a_conversation, a_final_state, a_key, a_rename, a_turn, progress
from chatcore.testing.storage.search_steps import index_all, places_of
from chatcore.testing.storage.steps import StorageHooks, begin, checkpoint, converse, create, lease_of, reopen
from chatcore.user import UserId

_LONG_AGO = datetime(2001, 2, 3, tzinfo=UTC)
_DAY = timedelta(days=1)
_AGES = timedelta(days=365 * 100)


class BulkDeletionsContract(StorageHooks):
    """Tests the deletion of all conversations of a user, and of those that nobody has touched for long."""

    async def test_conversations_of_one_user_are_deleted_up_to_the_limit(self, storage: Storage) -> None:
        mine = {(await create(storage)).id for _ in range(5)}
        kept = await create(storage, BOB)
        await converse(storage, kept, "Hello", "Hi")
        before = await reopen(storage, kept)

        batches = [await storage.delete_some(ALICE, 2) for _ in range(4)]

        assert [len(batch) for batch in batches] == [2, 2, 1, 0]
        assert {id_ for batch in batches for id_ in batch} == mine
        assert await ids_of(storage, ALICE) == set()
        assert await reopen(storage, kept) == before

    async def test_a_running_reply_and_its_key_go_with_the_conversations(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = evolve(a_turn(conversation), idempotency_key=a_key())
        lease = lease_of(await storage.begin_turn(turn))

        assert list(await storage.delete_some(ALICE, 10)) == [conversation.id]

        assert await checkpoint(storage, progress(lease, "text")) is LeaseStatus.LOST
        assert await storage.finish(lease, a_final_state()) is False
        other = await create(storage)
        again = evolve(a_turn(other), idempotency_key=a_key(request="another"))
        assert (await storage.begin_turn(again)).lease is not None

    async def test_what_was_deleted_is_not_found(self, storage: Storage) -> None:
        mine, old = await create(storage), await old_conversation(storage, BOB)
        await converse(storage, mine, "a conversation", "a conversation")
        await index_all(storage)
        assert [len(await places_of(storage, "conversation", user_id)) for user_id in (ALICE, BOB)] == [2, 1]
        await converse(storage, mine, "a conversation", "a conversation")
        await storage.update_conversation(BOB, old.id, a_rename("Another conversation"))

        await storage.delete_some(ALICE, 10)
        await storage.delete_untouched(_DAY, None, 10)

        # What waited is looked at once more, and is not there any longer.
        await index_all(storage)
        assert not await storage.claim_pending(10)
        assert [len(await places_of(storage, "conversation", user_id)) for user_id in (ALICE, BOB)] == [0, 0]

    async def test_only_what_is_older_than_the_age_is_deleted(self, storage: Storage) -> None:
        old, other = await old_conversation(storage), await old_conversation(storage, BOB)

        assert (await storage.delete_untouched(_AGES, None, 10)).deleted == 0
        assert (await storage.delete_untouched(_DAY, None, 10)).deleted == 2

        assert await ids_of(storage, ALICE) == await ids_of(storage, BOB) == set()
        assert old.id != other.id

    async def test_pinned_and_running_and_touched_conversations_stay(self, storage: Storage) -> None:
        pinned, running, touched = [await old_conversation(storage) for _ in range(3)]
        await storage.update_conversation(ALICE, pinned.id, ConversationChanges(is_pinned=True))
        lease = await begin(storage, turn=a_turn(running, now=_LONG_AGO))
        await storage.begin_turn(a_turn(touched, now=datetime.now(UTC) + _DAY))

        assert (await storage.delete_untouched(_DAY, None, 10)).deleted == 0
        assert await ids_of(storage, ALICE) == {pinned.id, running.id, touched.id}

        await storage.finish(lease, a_final_state(at=_LONG_AGO))
        assert (await storage.delete_untouched(_DAY, None, 10)).deleted == 1
        assert await ids_of(storage, ALICE) == {pinned.id, touched.id}

    async def test_the_walk_passes_every_conversation_once(self, storage: Storage) -> None:
        kept = [await create_at(storage, user, datetime.now(UTC) + _DAY) for user in (ALICE, BOB) for _ in range(3)]
        for user in (ALICE, BOB):
            await old_conversation(storage, user)

        deleted, pages, after = 0, 0, None
        while after is not None or not pages:
            page = await storage.delete_untouched(_DAY, after, 3)
            deleted, pages, after = deleted + page.deleted, pages + 1, page.next

        assert (deleted, pages) == (2, 3)
        assert await ids_of(storage, ALICE) | await ids_of(storage, BOB) == {each.id for each in kept}

    async def test_a_walk_may_begin_at_a_conversation_that_is_gone(self, storage: Storage) -> None:
        await old_conversation(storage, BOB)

        page = await storage.delete_untouched(_DAY, WalkCursor(ALICE, ConversationId(uuid4())), 3)

        assert (page.deleted, page.next) == (1, None)


async def create_at(storage: Storage, user_id: UserId, instant: datetime) -> Conversation:
    """Stores a new conversation that was last touched at an instant."""
    conversation = a_conversation(user_id, at=instant)
    await storage.create_conversation(conversation)
    return conversation


async def old_conversation(storage: Storage, user_id: UserId = ALICE) -> Conversation:
    """Stores a conversation that nobody has touched for years."""
    return await create_at(storage, user_id, _LONG_AGO)


async def ids_of(storage: Storage, user_id: UserId) -> set[ConversationId]:
    """Returns the ids of a user's conversations."""
    return {each.id for each in (await storage.list_conversations(user_id, PageRequest())).conversations}
