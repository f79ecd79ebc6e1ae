"""Tests regenerations of any reply of the tree, as a part of the storage contract."""

from functools import partial

import pytest
from attrs import evolve

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import MessageId
from chatcore.errors import ConversationNotFoundError, GenerationInProgressError, InvalidInputError
from chatcore.ports import AcceptedTurn, Storage
from chatcore.testing.samples import BOB, a_failure, a_regeneration, a_turn, an_interruption
from chatcore.testing.storage.path_steps import contents, read_path, regenerate
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


class RegenerationsOfAnyContract(StorageHooks):
    """Tests that a regeneration stands beside the reply that it names, and where the head returns to."""

    async def test_any_reply_gets_another_version(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        await converse(storage, conversation, "three", "four")

        version = await _begin(storage, conversation, first.reply.id)

        assert version.user_message == first.user_message
        assert version.reply.parent_id == first.user_message.id
        assert version.history == (first.user_message,)
        assert contents(await read_path(storage, conversation)) == ["one", ""]

    async def test_a_message_of_the_user_gets_another_reply(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        await converse(storage, conversation, "three", "four")

        version = await regenerate(storage, conversation, "zwei", first.user_message.id)

        assert version.parent_id == first.user_message.id
        assert contents(await read_path(storage, conversation)) == ["one", "zwei"]

    async def test_a_reply_of_another_branch_gets_another_version(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        await converse(storage, conversation, "eins", "zwei", parent_id=None)

        await regenerate(storage, conversation, "deux", first.reply.id)

        assert contents(await read_path(storage, conversation)) == ["one", "deux"]

    async def test_when_it_fails_the_head_returns_to_where_it_was(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        last = await converse(storage, conversation, "three", "four")

        await end(storage, lease_of(await _begin(storage, conversation, first.reply.id)), a_failure())

        assert (await stored(storage, conversation)).head_id == last.reply.id

    async def test_when_it_fails_the_head_returns_to_a_failed_reply_of_another_message(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        failed = await begin(storage, conversation)
        await end(storage, failed, evolve(a_failure(), returns_head=False))

        await end(storage, lease_of(await _begin(storage, conversation, first.reply.id)), a_failure())

        assert (await stored(storage, conversation)).head_id == failed.message_id

    async def test_there_is_no_returning_to_a_reply_without_text_to_the_same_message(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await storage.begin_turn(a_turn(conversation))
        await end(storage, lease_of(turn), a_failure())

        for message_id in (turn.reply.id, turn.user_message.id):
            version = await _begin(storage, conversation, message_id)
            await end(storage, lease_of(version), a_failure())

            assert (await stored(storage, conversation)).head_id == version.reply.id

    async def test_what_is_no_message_of_the_conversation_is_not_regenerated(self, storage: Storage) -> None:
        begin_beside = partial(_begin, storage)
        await expect_refusals_of_foreign_messages(storage, begin_beside, InvalidInputError, match="message_id")

    async def test_without_the_conversation_the_message_does_not_matter(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "one", "two")

        with pytest.raises(ConversationNotFoundError):
            await storage.begin_regeneration(
                evolve(a_regeneration(conversation), user_id=BOB, message_id=turn.reply.id)
            )

    async def test_a_running_reply_gets_another_version_once_it_is_interrupted(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await storage.begin_turn(a_turn(conversation))
        version = evolve(a_regeneration(conversation), message_id=turn.reply.id)
        with pytest.raises(GenerationInProgressError):
            await storage.begin_regeneration(version)

        accepted = await storage.interrupt(version, turn.reply.id, lambda _: an_interruption("Hel"))

        assert accepted.reply.parent_id == turn.user_message.id


async def _begin(storage: Storage, conversation: Conversation, message_id: MessageId) -> AcceptedTurn:
    return await storage.begin_regeneration(evolve(a_regeneration(conversation), message_id=message_id))
