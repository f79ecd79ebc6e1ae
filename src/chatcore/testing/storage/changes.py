"""Tests the changes of conversations, as a part of the storage contract."""

from collections.abc import Sequence

import pytest
from attrs import evolve

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import ConversationId
from chatcore.ports import Storage
from chatcore.replies.orphans import Resumption
from chatcore.sync.watermark import Watermark
from chatcore.testing.samples import (
    ALICE,
    BOB,
    CHANGED_VALUES,
    a_failure,
    a_final_state,
    a_regeneration,
    a_rename,
    a_turn,
    an_interruption,
    an_owner,
    continuation_of,
    progress,
)
from chatcore.testing.storage.steps import StorageHooks, begin, claim, converse, create, end, lease_of, stored
from chatcore.testing.storage.transfers import a_transfer
from chatcore.user import UserId

_ALL = 100


class ChangesContract(StorageHooks):
    """Tests that every change of a conversation is told, and to its user alone."""

    async def test_a_new_conversation_is_a_change(self, storage: Storage) -> None:
        before = await storage.read_watermark()

        conversation = await create(storage)

        assert await changed(storage, before) == [conversation]

    @pytest.mark.parametrize("name", CHANGED_VALUES)
    async def test_a_new_value_of_any_field_is_a_change(self, storage: Storage, name: str) -> None:
        conversation = await create(storage)
        before = await storage.read_watermark()

        value = CHANGED_VALUES[name]
        await storage.update_conversation(ALICE, conversation.id, ConversationChanges(**{name: value}))

        (told,) = await changed(storage, before)
        assert getattr(told, name) == value
        assert told == await stored(storage, conversation)

    async def test_an_automatic_title_is_a_change(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        before = await storage.read_watermark()

        await storage.replace_auto_title(ALICE, conversation.id, old="A title", new="A better one")

        assert [told.title for told in await changed(storage, before)] == ["A better one"]

    async def test_the_beginning_and_the_end_of_a_reply_are_changes(self, storage: Storage) -> None:
        conversation = await create(storage)
        for final_state in (a_final_state(), a_failure(), an_interruption()):
            before = await storage.read_watermark()
            lease = await begin(storage, conversation)
            (begun,) = await changed(storage, before)
            before = await storage.read_watermark()
            await end(storage, lease, final_state)
            (ended,) = await changed(storage, before)

            assert (begun.active_reply_id, ended.active_reply_id) == (lease.message_id, None)
            assert ended == await stored(storage, conversation)

    async def test_a_reply_with_reasoning_that_ends_is_a_change(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await begin(storage, conversation)
        before = await storage.read_watermark()

        await end(storage, lease, evolve(a_final_state(), pieces_bytes=5))

        assert await changed(storage, before) == [await stored(storage, conversation)]

    async def test_a_regeneration_and_a_continuation_are_changes(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        before = await storage.read_watermark()

        lease = lease_of(await storage.begin_regeneration(a_regeneration(conversation)))
        assert [told.active_reply_id for told in await changed(storage, before)] == [lease.message_id]
        await end(storage, lease, an_interruption())
        before = await storage.read_watermark()
        lease = lease_of(await storage.begin_continuation(continuation_of(lease)))
        assert [told.active_reply_id for told in await changed(storage, before)] == [lease.message_id]

    async def test_an_interruption_is_a_change(self, storage: Storage) -> None:
        conversation = await create(storage)
        running = await begin(storage, conversation)
        before = await storage.read_watermark()

        turn = a_turn(conversation)
        await storage.interrupt(turn, running.message_id, lambda orphan: an_interruption(orphan.text))

        assert [told.active_reply_id for told in await changed(storage, before)] == [turn.reply_id]

    async def test_the_end_of_an_orphaned_reply_is_a_change(self, storage: Storage) -> None:
        conversation = await create(storage)
        await begin(storage, conversation)
        await self.expire_leases(storage)
        lease = await claim(storage, an_owner())
        before = await storage.read_watermark()

        await storage.recover(lease, lambda orphan: a_final_state(orphan.text))

        assert [told.active_reply_id for told in await changed(storage, before)] == [None]

    async def test_what_shows_in_no_field_is_no_change(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await begin(storage, conversation)
        before = await storage.read_watermark()

        await storage.checkpoint(lease.owner_id, [progress(lease, "Hi", renew=True)])
        await storage.request_stop(ALICE, conversation.id, lease.message_id)
        await self.expire_leases(storage)
        await storage.recover(await claim(storage, an_owner()), lambda orphan: Resumption(2, len(orphan.text)))
        await storage.replace_auto_title(ALICE, conversation.id, old="Another", new="New")

        assert await changed(storage, before) == []

    async def test_a_deletion_is_a_change(self, storage: Storage) -> None:
        kept, deleted = await create(storage), await create(storage)
        before = await storage.read_watermark()

        await storage.delete_conversation(ALICE, deleted.id)

        assert await told(storage, before) == [(deleted.id, None)]
        assert await stored(storage, kept) == kept

    async def test_imports_and_bulk_deletions_are_changes(self, storage: Storage) -> None:
        before = await storage.read_watermark()
        transfer = a_transfer()
        conversation = transfer.conversation

        await storage.add_conversation(transfer)
        assert await told(storage, before) == [(conversation.id, conversation)]

        await storage.delete_some(ALICE, 10)
        assert await told(storage, before) == [(conversation.id, None)]

    async def test_of_a_conversation_that_was_made_and_deleted_the_deletion_is_told(self, storage: Storage) -> None:
        before = await storage.read_watermark()
        conversation = await create(storage)
        await storage.delete_conversation(ALICE, conversation.id)

        assert await told(storage, before) == [(conversation.id, None)]

    async def test_a_conversation_that_is_made_anew_is_told_after_its_deletion(self, storage: Storage) -> None:
        conversation = await create(storage)
        before = await storage.read_watermark()
        for _ in range(2):
            await storage.delete_conversation(ALICE, conversation.id)
            await storage.create_conversation(conversation)

        assert await told(storage, before) == [(conversation.id, None), (conversation.id, conversation)]

    async def test_of_several_changes_of_a_conversation_the_last_one_is_told(self, storage: Storage) -> None:
        first, second = await create(storage), await create(storage)
        before = await storage.read_watermark()

        for conversation, title in ((first, "1"), (second, "2"), (first, "3")):
            await storage.update_conversation(ALICE, conversation.id, a_rename(title))

        assert [conversation.title for conversation in await changed(storage, before)] == ["2", "3"]

    async def test_each_user_is_told_their_own(self, storage: Storage) -> None:
        before = await storage.read_watermark()
        alices, bobs = await create(storage), await create(storage, BOB)
        gone = await create(storage, BOB)
        await storage.delete_conversation(BOB, gone.id)

        assert await told(storage, before) == [(alices.id, alices)]
        assert await told(storage, before, BOB) == [(bobs.id, bobs), (gone.id, None)]

    async def test_many_users_are_read_at_once(self, storage: Storage) -> None:
        before = await storage.read_watermark()
        users = [f"user-{number}" for number in range(50)]
        made = {user_id: await create(storage, user_id) for user_id in users}
        await create(storage, BOB)

        read = await storage.read_changes_of_all([*users, ALICE], before, _ALL)

        assert {user: [change.conversation for change in changes] for user, changes in read.changes.items()} == {
            user: [conversation] for user, conversation in made.items()
        }
        assert (await storage.read_changes_of_all(users, read.watermark, _ALL)).changes == {}


class ChangePlacesContract(StorageHooks):
    """Tests watermarks, limits, and how long deletions are known."""

    async def test_nothing_is_told_twice_of_a_storage_at_rest(self, storage: Storage) -> None:
        before = await storage.read_watermark()
        await create(storage)

        read = await storage.read_changes(ALICE, before, _ALL)

        assert await told(storage, read.watermark) == []
        assert read.watermark.number > before.number
        assert read.watermark.at >= before.at

    async def test_an_id_leads_to_what_its_watermark_leads_to(self, storage: Storage) -> None:
        await create(storage)
        before = Watermark.decode((await storage.read_watermark()).encode())
        conversation = await create(storage)

        assert conversation in await changed(storage, before)

    async def test_the_first_changes_come_up_to_the_limit(self, storage: Storage) -> None:
        before = await storage.read_watermark()
        made = [await create(storage) for _ in range(4)]
        await storage.delete_conversation(ALICE, made[1].id)
        expected = [(made[0].id, made[0]), (made[2].id, made[2]), (made[3].id, made[3]), (made[1].id, None)]

        for limit in (1, 3, 4):
            assert await told(storage, before, limit=limit) == expected[:limit]
        read = await storage.read_changes_of_all([ALICE], before, 2)
        assert [change.conversation_id for change in read.changes[ALICE]] == [made[0].id, made[2].id]

    async def test_numbers_lead_from_one_change_to_the_next(self, storage: Storage) -> None:
        before = await storage.read_watermark()
        made = [await create(storage) for _ in range(3)]
        (first, second, _) = (await storage.read_changes(ALICE, before, _ALL)).changes[ALICE]

        assert await changed(storage, evolve(before, number=first.number + 1, beyond="")) == made[1:]
        assert await changed(storage, evolve(before, number=second.number, beyond="")) == made[1:]

    async def test_a_watermark_of_another_storage_or_of_the_future_is_not_known(self, storage: Storage) -> None:
        before = await storage.read_watermark()
        await create(storage)
        digits = f"{(int(before.origin, 16) + 1) % 2**32:08x}"

        for unknown in (evolve(before, origin=digits), evolve(before, number=16**15 - 1)):
            for read in (
                await storage.read_changes(ALICE, unknown, _ALL),
                await storage.read_changes_of_all([ALICE], unknown, _ALL),
            ):
                assert (read.is_known, read.changes) == (False, {})
                assert (await storage.read_changes(ALICE, read.watermark, _ALL)).is_known

    async def test_the_first_of_all_watermarks_is_known(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = evolve(await storage.read_watermark(), number=0, beyond="")

        assert await changed(storage, first) == [conversation]

    async def test_old_deletions_are_forgotten_up_to_the_limit(self, storage: Storage) -> None:
        before = await storage.read_watermark()
        made = [await create(storage) for _ in range(4)]
        for conversation in made[1:]:
            await storage.delete_conversation(ALICE, conversation.id)

        assert await storage.purge_deletions(60, 10) == 0
        assert len(await told(storage, before)) == 4
        assert [await storage.purge_deletions(0, 2) for _ in range(3)] == [2, 1, 0]
        assert await told(storage, before) == [(made[0].id, made[0])]


async def told(
    storage: Storage, after: Watermark, user_id: UserId = ALICE, *, limit: int = _ALL
) -> Sequence[tuple[ConversationId, Conversation | None]]:
    """Returns the id of each conversation of a user that has changed, and the conversation unless it was deleted."""
    read = await storage.read_changes(user_id, after, limit)
    assert read.is_known
    return [(change.conversation_id, change.conversation) for change in read.changes.get(user_id, ())]


async def changed(storage: Storage, after: Watermark) -> Sequence[Conversation]:
    """Returns Alice's conversations that have changed, none of which was deleted."""
    found = [conversation for _, conversation in await told(storage, after)]
    assert None not in found
    return [conversation for conversation in found if conversation is not None]
