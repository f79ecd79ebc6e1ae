"""Tests single conversations, as a part of the storage contract."""

import asyncio
from datetime import UTC, timedelta, timezone
from uuid import uuid4

import pytest
from attrs import evolve

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.conversation import Conversation, TitleSource
from chatcore.conversations.listing import PageRequest
from chatcore.conversations.message import ConversationId
from chatcore.conversations.path import WHOLE_PATH
from chatcore.errors import ConversationNotFoundError, MessageNotFoundError
from chatcore.ports import Storage
from chatcore.replies.lease import LeaseStatus
from chatcore.testing.samples import (
    ALICE,
    AWKWARD_TEXT,
    BOB,
    CHANGED_VALUES,
    NOON,
    a_conversation,
    a_final_state,
    a_key,
    a_message_id,
    a_read,
    a_reader,
    a_regeneration,
    a_rename,
    a_turn,
    later,
    progress,
)
from chatcore.testing.storage.steps import (
    StorageHooks,
    begin,
    checkpoint,
    converse,
    create,
    lease_of,
    messages_of,
    reopen,
    stored,
)

_INDIA = timezone(timedelta(hours=5, minutes=30))

#: A conversation whose fields all differ from their defaults.
_UNUSUAL = evolve(
    a_conversation(),
    title=AWKWARD_TEXT,
    title_source=TitleSource.USER,
    model_tag="eliza 💬",
    updated_at=later(1),
    is_pinned=True,
    is_archived=True,
    instructions="Answer in verse.",
)

#: Changes of each field alone, a change back to a default, and a change of no field.
CHANGES = {
    **{name: ConversationChanges(**{name: value}) for name, value in CHANGED_VALUES.items()},
    "unpin": ConversationChanges(is_pinned=False),
    "restore": ConversationChanges(is_archived=False),
    "clear the instructions": ConversationChanges(instructions=None),
    "none": ConversationChanges(),
}


class ConversationsContract(StorageHooks):
    """Tests how conversations are created, opened, changed and deleted, for each user separately."""

    async def test_a_created_conversation_is_stored_as_it_is(self, storage: Storage) -> None:
        assert await storage.create_conversation(_UNUSUAL)

        opened = await reopen(storage, _UNUSUAL)

        assert opened.conversation == _UNUSUAL
        assert opened.messages == ()

    async def test_creating_again_leaves_what_is_there_as_it_is(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        before = await reopen(storage, conversation)

        assert not await storage.create_conversation(conversation)
        another = evolve(conversation, title="Another", title_source=TitleSource.USER)
        assert not await storage.create_conversation(another)

        assert await reopen(storage, conversation) == before

    async def test_of_many_creations_at_once_one_takes_effect(self, storage: Storage) -> None:
        conversation = a_conversation()
        others = [evolve(conversation, title=f"Title {number}") for number in range(8)]

        created = await asyncio.gather(*(storage.create_conversation(other) for other in others))

        assert sorted(created) == [False] * 7 + [True]
        assert await stored(storage, conversation) == others[created.index(True)]

    async def test_two_users_may_have_a_conversation_under_the_same_id(self, storage: Storage) -> None:
        alices = await create(storage)
        bobs = evolve(alices, user_id=BOB, title="Bob's", title_source=TitleSource.USER)

        assert await storage.create_conversation(bobs)

        assert await stored(storage, alices) == alices
        assert await stored(storage, bobs) == bobs

    async def test_instants_come_back_in_utc_to_the_microsecond(self, storage: Storage) -> None:
        instant = (NOON + timedelta(microseconds=123456)).astimezone(_INDIA)
        conversation = a_conversation(at=instant)
        await storage.create_conversation(conversation)
        await storage.begin_turn(a_turn(conversation, now=instant))

        opened = await reopen(storage, conversation)

        instants = [opened.conversation.created_at, opened.conversation.updated_at]
        instants += [message.created_at for message in opened.messages]
        assert instants == [instant] * 4
        assert [i.utcoffset() for i in instants] == [UTC.utcoffset(None)] * 4

    async def test_messages_are_listed_by_position_even_when_their_times_are_equal(self, storage: Storage) -> None:
        conversation = await create(storage)
        for number in range(6):
            await converse(storage, conversation, f"question {number}", f"answer {number}")

        messages = await messages_of(storage, conversation)

        assert [m.position for m in messages] == list(range(1, 13))
        assert [m.content for m in messages] == [f"{what} {n}" for n in range(6) for what in ("question", "answer")]

    @pytest.mark.parametrize("conversation", [a_conversation(), _UNUSUAL], ids=["new", "unusual"])
    @pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
    async def test_an_update_changes_what_is_set_and_nothing_else(
        self, storage: Storage, changes: ConversationChanges, conversation: Conversation
    ) -> None:
        await storage.create_conversation(conversation)

        updated = await storage.update_conversation(ALICE, conversation.id, changes)

        assert updated == changes.apply_to(conversation)
        assert await stored(storage, conversation) == updated

    async def test_an_automatic_title_is_replaced_and_nothing_else(self, storage: Storage) -> None:
        conversation, other = await create(storage), await create(storage)
        for one in (conversation, other):
            await storage.begin_turn(a_turn(one))
        before, others = await stored(storage, conversation), await stored(storage, other)

        await storage.replace_auto_title(ALICE, conversation.id, old="A title", new=AWKWARD_TEXT)

        assert before.title == "A title"
        assert await stored(storage, conversation) == evolve(before, title=AWKWARD_TEXT)
        assert await stored(storage, other) == others
        await storage.replace_auto_title(ALICE, conversation.id, old=AWKWARD_TEXT, new="Another")
        assert await stored(storage, conversation) == evolve(before, title="Another")

    @pytest.mark.parametrize("source", TitleSource)
    async def test_a_title_is_replaced_only_if_no_user_chose_it_and_it_is_the_expected_one(
        self, storage: Storage, source: TitleSource
    ) -> None:
        conversation = evolve(a_conversation(), title="A title", title_source=source)
        await storage.create_conversation(conversation)

        await storage.replace_auto_title(ALICE, conversation.id, old="a title", new="New")
        await storage.replace_auto_title(BOB, conversation.id, old="A title", new="New")
        assert await stored(storage, conversation) == conversation

        await storage.replace_auto_title(ALICE, conversation.id, old="A title", new="New")
        assert (await stored(storage, conversation)).title == ("New" if source is TitleSource.AUTO else "A title")

    async def test_the_title_of_an_absent_conversation_is_not_replaced(self, storage: Storage) -> None:
        conversation = await create(storage)
        await storage.delete_conversation(ALICE, conversation.id)

        await storage.replace_auto_title(ALICE, conversation.id, old=conversation.title, new="New")

        await self.assert_absent(storage, ALICE, conversation.id)

    async def test_a_deleted_conversation_is_gone_and_cannot_be_deleted_twice(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "Hello", "Hi")

        await storage.delete_conversation(ALICE, conversation.id)

        with pytest.raises(ConversationNotFoundError):
            await storage.delete_conversation(ALICE, conversation.id)
        with pytest.raises(ConversationNotFoundError):
            await storage.get_conversation(ALICE, conversation.id)
        with pytest.raises(MessageNotFoundError):
            await storage.get_message(ALICE, conversation.id, turn.user_message.id)
        assert (await storage.list_conversations(ALICE, PageRequest())).conversations == ()

    async def test_deleting_leaves_other_conversations_alone(self, storage: Storage) -> None:
        kept, deleted = await create(storage), await create(storage)
        await converse(storage, kept, "Hello", "Hi")
        before = await reopen(storage, kept)

        await storage.delete_conversation(ALICE, deleted.id)

        assert await reopen(storage, kept) == before

    async def test_after_a_deletion_nothing_of_a_running_reply_reappears(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await begin(storage, conversation)
        await checkpoint(storage, progress(lease, "some"))

        await storage.delete_conversation(ALICE, conversation.id)

        assert await checkpoint(storage, progress(lease, " more", start_offset=4, renew=True)) is LeaseStatus.LOST
        assert await storage.finish(lease, a_final_state("some more")) is False
        assert await storage.recover(lease, lambda orphan: a_final_state(orphan.text)) is None
        assert list(await storage.read_deltas([a_reader(lease)])) == [a_read("", 0, is_live=False)]
        await self.expire_leases(storage)
        assert list(await storage.claim_expired(lease.owner_id, (), 10)) == []
        with pytest.raises(MessageNotFoundError):
            await storage.get_message(ALICE, conversation.id, lease.message_id)
        with pytest.raises(ConversationNotFoundError):
            await reopen(storage, conversation)

    async def test_a_new_conversation_with_the_id_of_a_deleted_one_is_empty(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await begin(storage, conversation)
        await checkpoint(storage, progress(lease, "old"))
        await storage.delete_conversation(ALICE, conversation.id)

        await storage.create_conversation(conversation)
        again = await storage.begin_turn(a_turn(conversation))

        assert [m.position for m in await messages_of(storage, conversation)] == [1, 2]
        assert list(await storage.read_deltas([a_reader(lease_of(again))])) == [
            a_read("", 0, is_live=True, generation=1)
        ]
        assert await storage.finish(lease, a_final_state()) is False

    async def test_an_unknown_conversation_is_not_found_by_any_method(self, storage: Storage) -> None:
        await self.assert_absent(storage, BOB, ConversationId(uuid4()))

    async def test_another_users_conversation_is_not_found_by_any_method(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        before = await reopen(storage, conversation)

        await self.assert_absent(storage, BOB, conversation.id)

        assert await reopen(storage, conversation) == before
        assert (await storage.list_conversations(BOB, PageRequest())).conversations == ()

    async def assert_absent(self, storage: Storage, user_id: str, conversation_id: ConversationId) -> None:
        """Asserts that no method that takes a conversation finds this conversation."""
        absent = evolve(a_conversation(user_id), id=conversation_id)
        turn = a_turn(absent)
        for attempt in (
            storage.get_conversation(user_id, conversation_id),
            storage.open_path(user_id, conversation_id, WHOLE_PATH),
            storage.update_conversation(user_id, conversation_id, a_rename("Mine now")),
            storage.delete_conversation(user_id, conversation_id),
            storage.begin_turn(turn),
            storage.begin_turn(evolve(turn, idempotency_key=a_key())),
            storage.begin_regeneration(a_regeneration(absent)),
        ):
            with pytest.raises(ConversationNotFoundError):
                await attempt

    async def test_a_message_is_found_by_its_user_in_its_conversation_only(self, storage: Storage) -> None:
        conversation, other = await create(storage), await create(storage)
        turn = await converse(storage, conversation, AWKWARD_TEXT, AWKWARD_TEXT)
        question, answer = await messages_of(storage, conversation)

        assert await storage.get_message(ALICE, conversation.id, turn.user_message.id) == question
        assert await storage.get_message(ALICE, conversation.id, turn.reply.id) == answer
        assert question.content == answer.content == AWKWARD_TEXT
        for user_id, conversation_id, message_id in (
            (BOB, conversation.id, turn.reply.id),
            (ALICE, other.id, turn.reply.id),
            (ALICE, ConversationId(uuid4()), turn.reply.id),
            (ALICE, conversation.id, a_message_id()),
        ):
            with pytest.raises(MessageNotFoundError):
                await storage.get_message(user_id, conversation_id, message_id)
