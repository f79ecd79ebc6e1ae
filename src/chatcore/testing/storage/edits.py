"""Tests turns that follow any message of the tree, as a part of the storage contract."""

import asyncio
from functools import partial

import pytest
from attrs import evolve

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import MessageId
from chatcore.errors import ConversationNotFoundError, GenerationInProgressError, InvalidInputError
from chatcore.ports import AcceptedTurn, NewTurn, Storage
from chatcore.testing.samples import BOB, a_failure, a_key, a_message_id, a_turn, an_interruption
from chatcore.testing.storage.path_steps import contents, read_path
from chatcore.testing.storage.steps import (
    StorageHooks,
    begin,
    converse,
    create,
    end,
    expect_refusals_of_foreign_messages,
    lease_of,
    messages_of,
    reopen,
)


class EditsContract(StorageHooks):
    """Tests that a turn follows the message that it names, and what such a message may be."""

    async def test_an_edit_stands_beside_the_message_that_it_replaces(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        second = await converse(storage, conversation, "three", "four")

        edit = await converse(storage, conversation, "drei", "vier", parent_id=second.user_message.parent_id)

        assert edit.user_message.parent_id == first.reply.id
        assert contents(edit.history) == ["one", "two", "drei"]
        assert contents(await read_path(storage, conversation)) == ["one", "two", "drei", "vier"]
        assert contents(await messages_of(storage, conversation)) == ["one", "two", "three", "four", "drei", "vier"]

    async def test_the_first_message_is_edited_at_the_root(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        before = (await reopen(storage, conversation)).conversation

        edit = await converse(storage, conversation, "eins", "zwei", parent_id=None)

        assert edit.user_message.parent_id is None
        assert edit.history == (edit.user_message,)
        assert contents(await read_path(storage, conversation)) == ["eins", "zwei"]
        assert (await reopen(storage, conversation)).conversation == evolve(before, head_id=edit.reply.id)

    async def test_the_root_is_the_place_of_the_first_message(self, storage: Storage) -> None:
        conversation = await create(storage)

        assert (await _begin_at(storage, conversation, None)).user_message.parent_id is None

    async def test_a_message_may_follow_a_message_of_the_user(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "one", "two")

        after = await _begin_at(storage, conversation, turn.user_message.id)

        assert after.user_message.parent_id == turn.user_message.id
        assert after.history == (turn.user_message, after.user_message)

    async def test_a_message_takes_the_place_of_a_failed_reply(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await storage.begin_turn(a_turn(conversation))
        await end(storage, lease_of(turn), a_failure())

        after = await _begin_at(storage, conversation, turn.reply.id)

        assert after.user_message.parent_id == turn.user_message.id

    async def test_a_message_may_follow_an_interrupted_reply(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await storage.begin_turn(a_turn(conversation))
        await end(storage, lease_of(turn), an_interruption("Hel"))
        await converse(storage, conversation, "and?", "lo")

        after = await _begin_at(storage, conversation, turn.reply.id)

        assert after.user_message.parent_id == turn.reply.id

    async def test_what_is_no_message_of_the_conversation_is_followed_by_none(self, storage: Storage) -> None:
        begin_at = partial(_begin_at, storage)
        await expect_refusals_of_foreign_messages(storage, begin_at, InvalidInputError, match="parent_id")

    async def test_without_the_conversation_the_parent_does_not_matter(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "one", "two")

        for parent_id in (turn.reply.id, a_message_id()):
            with pytest.raises(ConversationNotFoundError):
                await storage.begin_turn(evolve(a_turn(conversation), user_id=BOB, parent_id=parent_id))

    async def test_a_running_reply_is_followed_by_none(self, storage: Storage) -> None:
        conversation = await create(storage)
        running = await begin(storage, conversation)

        for parent_id in (running.message_id, None):
            with pytest.raises(GenerationInProgressError):
                await _begin_at(storage, conversation, parent_id)

    async def test_a_wrong_parent_is_refused_before_a_busy_conversation(self, storage: Storage) -> None:
        conversation = await create(storage)
        await begin(storage, conversation)

        with pytest.raises(InvalidInputError):
            await _begin_at(storage, conversation, a_message_id())

    async def test_a_running_reply_is_followed_once_it_is_interrupted(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await storage.begin_turn(a_turn(conversation))
        running = lease_of(turn)
        edit = evolve(a_turn(conversation), parent_id=running.message_id)

        after = await storage.interrupt(edit, running.message_id, lambda _: an_interruption("Hel"))

        assert after.user_message.parent_id == running.message_id
        assert contents(after.history) == ["Hello", "Hel", "Hello"]

    async def test_of_many_edits_at_once_one_wins(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        edits = [evolve(a_turn(conversation, f"edit {n}"), parent_id=None) for n in range(10)]

        outcomes = await asyncio.gather(*map(storage.begin_turn, edits), return_exceptions=True)

        (winner,) = [outcome for outcome in outcomes if isinstance(outcome, AcceptedTurn)]
        losers = [outcome for outcome in outcomes if isinstance(outcome, GenerationInProgressError)]
        assert {loser.message_id for loser in losers} == {winner.reply.id}
        assert len(losers) == 9, outcomes
        assert [m.position for m in await messages_of(storage, conversation)] == [1, 2, 3, 4]

    async def test_an_edit_repeated_by_its_key_stores_nothing(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        edit = _keyed(conversation)
        first = await storage.begin_turn(edit)
        before = await reopen(storage, conversation)

        again = await storage.begin_turn(evolve(_keyed(conversation), owner_id=edit.owner_id))

        assert (again.user_message, again.reply, again.lease) == (first.user_message, first.reply, None)
        assert await storage.begin_turn(edit) == first
        assert await reopen(storage, conversation) == before


async def _begin_at(storage: Storage, conversation: Conversation, parent_id: MessageId | None) -> AcceptedTurn:
    """Begins a turn that follows a message."""
    return await storage.begin_turn(evolve(a_turn(conversation), parent_id=parent_id))


def _keyed(conversation: Conversation) -> NewTurn:
    return evolve(a_turn(conversation), parent_id=None, idempotency_key=a_key())
