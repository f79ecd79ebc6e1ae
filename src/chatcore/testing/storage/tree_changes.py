"""Tests that moves in trees are changes of their conversations, as a part of the storage contract."""

import pytest
from attrs import evolve

from chatcore.ports import Storage
from chatcore.testing.samples import ALICE, a_turn
from chatcore.testing.storage.changes import changed
from chatcore.testing.storage.path_steps import choose
from chatcore.testing.storage.steps import StorageHooks, converse, create, lease_of, stored


class TreeChangesContract(StorageHooks):
    """Tests that an edit, a choice and the deletion of a message are told."""

    async def test_an_edit_is_a_change(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        before = await storage.read_watermark()

        lease = lease_of(await storage.begin_turn(evolve(a_turn(conversation), parent_id=None)))

        (told,) = await changed(storage, before)
        assert (told.head_id, told.active_reply_id) == (lease.message_id, lease.message_id)

    @pytest.mark.parametrize("follow", [False, True])
    async def test_a_choice_is_a_change(self, storage: Storage, *, follow: bool) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        await converse(storage, conversation, "three", "four", parent_id=None)
        before = await storage.read_watermark()

        await choose(storage, conversation, first.user_message.id, follow=follow)

        (told,) = await changed(storage, before)
        assert told.head_id == (first.reply.id if follow else first.user_message.id)

    async def test_the_deletion_of_a_message_is_a_change_wherever_the_head_is(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        second = await converse(storage, conversation, "three", "four", parent_id=None)

        for message, head_id in (
            (first.user_message, second.reply.id),
            (second.reply, second.user_message.id),
            (second.user_message, None),
        ):
            before = await storage.read_watermark()
            await storage.delete_message(ALICE, conversation.id, message.id)
            assert [told.head_id for told in await changed(storage, before)] == [head_id]
        assert (await stored(storage, conversation)).head_id is None
