"""Tests the deletion of messages, as a part of the storage contract."""

import asyncio
from functools import partial

import pytest
from attrs import evolve

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import MessageId
from chatcore.errors import GenerationInProgressError, InvalidInputError, MessageNotFoundError
from chatcore.ports import AcceptedTurn, Storage
from chatcore.testing.samples import BOB, a_final_state, a_key, a_turn, later
from chatcore.testing.storage.path_steps import contents, read_path, regenerate
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
    stored,
)


class DeletionsContract(StorageHooks):
    """Tests what a deletion takes away, where the head moves, and when a deletion is refused."""

    async def test_a_message_goes_with_everything_below_it(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        second = await converse(storage, conversation, "three", "four")
        await regenerate(storage, conversation, "vier")
        await converse(storage, conversation, "five", "six")

        await _delete(storage, conversation, second.user_message.id)

        assert contents(await messages_of(storage, conversation)) == ["one", "two"]
        assert (await stored(storage, conversation)).head_id == first.reply.id

    async def test_nothing_else_of_the_conversation_changes(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        turn = await storage.begin_turn(a_turn(conversation, "three", now=later(1)))
        await storage.request_stop(conversation.user_id, conversation.id, turn.reply.id)
        await end(storage, lease_of(turn), a_final_state(at=later(2)))
        await _delete(storage, conversation, turn.user_message.id)

        shown = await stored(storage, conversation)

        assert shown == evolve(
            conversation,
            title=shown.title,
            title_source=shown.title_source,
            head_id=first.reply.id,
            updated_at=later(2),
        )
        assert shown.title == "A title"

    async def test_a_branch_that_is_not_shown_goes_unnoticed(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "one", "two")
        shown = await regenerate(storage, conversation, "zwei")

        await _delete(storage, conversation, turn.reply.id)

        assert (await stored(storage, conversation)).head_id == shown.id
        assert contents(await messages_of(storage, conversation)) == ["one", "zwei"]

    async def test_the_newest_message_that_is_left_below_the_parent_is_shown(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        await converse(storage, conversation, "three", "four")
        edit = await converse(storage, conversation, "eins", "zwei", parent_id=None)

        await _delete(storage, conversation, edit.user_message.id)

        assert contents(await read_path(storage, conversation)) == ["one", "two", "three", "four"]

    async def test_another_version_is_shown(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "one", "two")
        longer = await regenerate(storage, conversation, "zwei")
        await converse(storage, conversation, "three", "four")
        newest = await regenerate(storage, conversation, "due", turn.reply.id)

        for version_id, path in (
            (newest.id, ["one", "zwei", "three", "four"]),
            (longer.id, ["one", "two"]),
            (turn.reply.id, ["one"]),
        ):
            await _delete(storage, conversation, version_id)

            assert contents(await read_path(storage, conversation)) == path

    async def test_a_conversation_without_messages_goes_on(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "one", "two")
        await _delete(storage, conversation, turn.user_message.id)
        empty = await reopen(storage, conversation)

        again = await converse(storage, conversation, "three", "four")

        assert (empty.messages, empty.conversation.head_id) == ((), None)
        assert again.user_message.parent_id is None
        assert again.user_message.position > turn.reply.position
        assert contents(await read_path(storage, conversation)) == ["three", "four"]

    async def test_keys_that_led_to_a_deleted_message_are_forgotten(self, storage: Storage) -> None:
        conversation = await create(storage)
        kept, deleted = (evolve(a_turn(conversation), idempotency_key=a_key(name)) for name in ("kept", "deleted"))
        for turn in (kept, deleted):
            await end(storage, await begin(storage, turn=turn), a_final_state())
        await _delete(storage, conversation, deleted.user_message_id)

        replayed = await storage.begin_turn(evolve(a_turn(conversation), idempotency_key=a_key("kept")))
        anew = await storage.begin_turn(evolve(a_turn(conversation), idempotency_key=a_key("deleted")))

        assert (replayed.reply.id, replayed.lease) == (kept.reply_id, None)
        assert anew.lease is not None

    async def test_nothing_is_deleted_while_a_reply_is_running(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "one", "two")
        running = await begin(storage, conversation)
        before = await reopen(storage, conversation)

        for message_id in (running.message_id, turn.reply.id):
            with pytest.raises(GenerationInProgressError) as refusal:
                await _delete(storage, conversation, message_id)
            assert refusal.value.message_id == running.message_id

        assert await reopen(storage, conversation) == before

    async def test_what_is_no_message_of_the_conversation_is_not_deleted(self, storage: Storage) -> None:
        await expect_refusals_of_foreign_messages(storage, partial(_delete, storage), MessageNotFoundError)

    async def test_nobody_deletes_a_message_of_another_user(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "one", "two")
        before = await reopen(storage, conversation)

        with pytest.raises(MessageNotFoundError):
            await storage.delete_message(BOB, conversation.id, turn.reply.id)

        assert await reopen(storage, conversation) == before

    async def test_of_many_deletions_at_once_one_finds_the_message(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "one", "two")

        outcomes = await asyncio.gather(
            *(_delete(storage, conversation, turn.user_message.id) for _ in range(5)), return_exceptions=True
        )

        assert outcomes.count(None) == 1
        assert sum(isinstance(outcome, MessageNotFoundError) for outcome in outcomes) == 4, outcomes

    async def test_a_deletion_and_a_turn_below_it_exclude_each_other(self, storage: Storage) -> None:
        for _ in range(5):
            conversation = await create(storage)
            turn = await converse(storage, conversation, "one", "two")
            below = evolve(a_turn(conversation), parent_id=turn.reply.id)

            deleted, begun = await asyncio.gather(
                _delete(storage, conversation, turn.reply.id), storage.begin_turn(below), return_exceptions=True
            )

            if deleted is None:
                assert isinstance(begun, InvalidInputError)
            else:
                assert isinstance(deleted, GenerationInProgressError)
                assert isinstance(begun, AcceptedTurn)
            messages = await messages_of(storage, conversation)
            assert {m.parent_id for m in messages} <= {None, *(m.id for m in messages)}


async def _delete(storage: Storage, conversation: Conversation, message_id: MessageId) -> None:
    await storage.delete_message(conversation.user_id, conversation.id, message_id)
