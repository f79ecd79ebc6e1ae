"""Tests the choice of a conversation's head, as a part of the storage contract."""

import asyncio

import pytest
from attrs import evolve

from chatcore.conversations.changes import ConversationChanges, HeadChoice
from chatcore.conversations.conversation import Conversation, TitleSource
from chatcore.conversations.message import MessageId
from chatcore.errors import ConversationNotFoundError, InvalidInputError
from chatcore.ports import Storage
from chatcore.testing.samples import BOB, a_failure, a_final_state, a_regeneration, a_rename, a_turn, later
from chatcore.testing.storage.path_steps import choose, contents, read_path, regenerate
from chatcore.testing.storage.steps import (
    StorageHooks,
    begin,
    converse,
    create,
    end,
    expect_refusals_of_foreign_messages,
    lease_of,
    stored,
)


class HeadChoicesContract(StorageHooks):
    """Tests which path is shown after a choice, and what becomes of a running reply."""

    async def test_the_path_through_any_message_is_shown(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        await converse(storage, conversation, "three", "four")
        await converse(storage, conversation, "eins", "zwei", parent_id=None)
        before = await stored(storage, conversation)

        for message, path in ((first.reply, ["one", "two"]), (first.user_message, ["one"])):
            chosen = await choose(storage, conversation, message.id)

            assert chosen == evolve(before, head_id=message.id) == await stored(storage, conversation)
            assert contents(await read_path(storage, conversation)) == path

    async def test_the_path_goes_on_to_the_newest_descendant(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        await converse(storage, conversation, "three", "four")
        newest = await converse(storage, conversation, "drei", "vier", parent_id=first.reply.id)
        await converse(storage, conversation, "eins", "zwei", parent_id=None)

        for message_id in (first.user_message.id, first.reply.id, newest.user_message.id, newest.reply.id):
            await choose(storage, conversation, message_id, follow=True)

            assert contents(await read_path(storage, conversation)) == ["one", "two", "drei", "vier"]

    async def test_the_next_message_follows_the_chosen_one(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        await converse(storage, conversation, "three", "four")
        await choose(storage, conversation, first.reply.id)

        turn = await storage.begin_turn(a_turn(conversation))

        assert turn.user_message.parent_id == first.reply.id

    async def test_a_choice_and_other_changes_are_one(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        await converse(storage, conversation, "three", "four")
        before = await stored(storage, conversation)

        changed = await storage.update_conversation(
            conversation.user_id, conversation.id, a_rename("Mine"), HeadChoice(first.reply.id)
        )

        assert changed == evolve(before, head_id=first.reply.id, title="Mine", title_source=TitleSource.USER)

    @pytest.mark.parametrize("follow", [False, True])
    async def test_what_is_no_message_of_the_conversation_is_not_chosen(
        self, storage: Storage, *, follow: bool
    ) -> None:
        async def choose_and_rename(conversation: Conversation, message_id: MessageId) -> None:
            head = HeadChoice(message_id, follow)
            await storage.update_conversation(conversation.user_id, conversation.id, a_rename("Mine"), head)

        await expect_refusals_of_foreign_messages(storage, choose_and_rename, InvalidInputError, match="head_id")

    async def test_only_the_users_own_conversation_is_changed(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "one", "two")

        with pytest.raises(ConversationNotFoundError):
            await storage.update_conversation(
                BOB, conversation.id, ConversationChanges(), HeadChoice(turn.user_message.id)
            )

    async def test_a_running_reply_goes_on_in_its_branch(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        lease = await begin(storage, conversation)

        chosen = await choose(storage, conversation, first.reply.id)
        await end(storage, lease, a_final_state("four", at=later(1)))

        assert chosen.active_reply_id == lease.message_id
        assert (await stored(storage, conversation)).head_id == first.reply.id
        await choose(storage, conversation, first.reply.id, follow=True)
        assert contents(await read_path(storage, conversation)) == ["one", "two", "Hello", "four"]

    async def test_the_end_of_a_failed_regeneration_does_not_undo_a_choice(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "one", "two")
        await regenerate(storage, conversation, "zwei")
        running = await storage.begin_regeneration(a_regeneration(conversation))

        await choose(storage, conversation, turn.reply.id)
        await end(storage, lease_of(running), a_failure())

        assert (await stored(storage, conversation)).head_id == turn.reply.id

    async def test_choices_and_turns_at_once_all_take_effect(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "one", "two")
        other = await regenerate(storage, conversation, "zwei")

        begun, _ = await asyncio.gather(
            storage.begin_turn(a_turn(conversation)),
            asyncio.gather(*(choose(storage, conversation, id_) for id_ in (turn.reply.id, other.id) * 3)),
        )

        assert begun.user_message.parent_id in {turn.reply.id, other.id}
        assert (await stored(storage, conversation)).head_id in {turn.reply.id, other.id, begun.reply.id}
