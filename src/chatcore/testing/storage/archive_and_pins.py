"""Tests the lists of archived and of pinned conversations, as a part of the storage contract."""

from collections.abc import Sequence

import pytest
from attrs import evolve

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.conversation import Conversation
from chatcore.conversations.listing import MAX_PINNED, Cursor, Page, PageRequest
from chatcore.conversations.message import MessageId
from chatcore.ports import Storage
from chatcore.testing.samples import (
    ALICE,
    BOB,
    a_conversation,
    a_final_state,
    a_regeneration,
    a_turn,
    an_interruption,
    continuation_of,
    later,
)
from chatcore.testing.storage.list_steps import newest_first, read_list, store
from chatcore.testing.storage.steps import StorageHooks, begin, converse, create, end, stored

_ARCHIVED = PageRequest(is_archived=True)


class ArchiveContract(StorageHooks):
    """Tests that a list has the archived conversations or the others, and what takes one out of the archive."""

    @pytest.mark.parametrize("is_archived", [False, True])
    async def test_each_list_is_walked_by_offset_and_by_cursor(self, storage: Storage, *, is_archived: bool) -> None:
        made = await _ten_of_each(storage)
        expected = [one for one in made if one.is_archived is is_archived]

        for limit in (1, 3, 10):
            request = PageRequest(limit=limit, is_archived=is_archived)
            assert await read_list(storage, request) == expected
            offsets = [evolve(request, offset=offset) for offset in range(0, 10, limit)]
            pages = [(await storage.list_conversations(ALICE, one)).conversations for one in offsets]
            assert [one for page in pages for one in page] == expected

    async def test_a_place_in_one_list_is_a_place_in_the_other(self, storage: Storage) -> None:
        made = await _ten_of_each(storage)
        cursor = Cursor.after(made[10])

        for is_archived in (False, True):
            page = await storage.list_conversations(ALICE, PageRequest(cursor=cursor, is_archived=is_archived))
            assert list(page.conversations) == [one for one in made[11:] if one.is_archived is is_archived]

    async def test_a_conversation_moves_between_the_lists_and_keeps_its_instant(self, storage: Storage) -> None:
        older, newer = a_conversation(at=later(1)), a_conversation(at=later(2))
        await store(storage, older, newer)

        archived = await storage.update_conversation(ALICE, older.id, ConversationChanges(is_archived=True))
        lists = [await storage.list_conversations(ALICE, request) for request in (PageRequest(), _ARCHIVED)]
        restored = await storage.update_conversation(ALICE, older.id, ConversationChanges(is_archived=False))

        assert archived == evolve(older, is_archived=True)
        assert lists == [Page((newer,), None), Page((archived,), None)]
        assert restored == older
        assert await storage.list_conversations(ALICE, PageRequest()) == Page((newer, older), None)
        assert await storage.list_conversations(ALICE, _ARCHIVED) == Page((), None)

    async def test_another_users_archive_is_not_listed(self, storage: Storage) -> None:
        await storage.create_conversation(evolve(a_conversation(), is_archived=True, is_pinned=True))

        assert await storage.list_conversations(BOB, _ARCHIVED) == Page((), None)

    async def test_a_message_brings_its_conversation_back(self, storage: Storage) -> None:
        conversation = await _archived(storage, await create(storage))

        await begin(storage, conversation)

        assert not (await stored(storage, conversation)).is_archived

    async def test_a_regeneration_brings_its_conversation_back(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        await _archived(storage, conversation)

        await storage.begin_regeneration(a_regeneration(conversation))

        assert not (await stored(storage, conversation)).is_archived

    async def test_a_continuation_brings_its_conversation_back(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await begin(storage, conversation)
        await end(storage, lease, an_interruption())
        await _archived(storage, conversation)

        await storage.begin_continuation(continuation_of(lease))

        assert not (await stored(storage, conversation)).is_archived

    async def test_a_conversation_that_is_archived_during_a_reply_stays_so(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = a_turn(conversation)
        lease = await begin(storage, turn=turn)
        await _archived(storage, conversation)

        await storage.begin_turn(turn)
        await end(storage, lease, a_final_state(at=later(1)))

        now = await stored(storage, conversation)
        assert (now.is_archived, now.updated_at) == (True, later(1))


class PinsContract(StorageHooks):
    """Tests which pinned conversations come with the first page."""

    async def test_the_first_page_has_the_pinned_ones_however_old(self, storage: Storage) -> None:
        made = await _ten_of_each(storage)
        pinned = [await _pinned(storage, made[place]) for place in (0, 5, 18)]

        first = await storage.list_conversations(ALICE, PageRequest(limit=2))

        assert first.conversations == (pinned[0], made[2])
        assert first.pinned == (pinned[0], pinned[2])
        archived = await storage.list_conversations(ALICE, PageRequest(limit=2, is_archived=True))
        assert archived.pinned == (pinned[1],)

    async def test_later_pages_have_no_pinned_ones_beside_their_own(self, storage: Storage) -> None:
        made = await _ten_of_each(storage)
        pinned = await _pinned(storage, made[2])

        for request in (PageRequest(offset=1), PageRequest(cursor=Cursor.after(made[1]))):
            page = await storage.list_conversations(ALICE, request)
            assert page.pinned == ()
            assert page.conversations[0] == pinned

    async def test_the_pinned_ones_are_in_the_order_of_the_list_and_bounded(self, storage: Storage) -> None:
        made = [evolve(a_conversation(at=later(number // 2)), is_pinned=True) for number in range(MAX_PINNED + 3)]
        await store(storage, *made)

        page = await storage.list_conversations(ALICE, PageRequest(limit=1))

        expected = newest_first(made)
        assert list(page.pinned) == expected[:MAX_PINNED]
        assert page.conversations == (expected[0],)

    async def test_a_pinned_one_names_its_running_reply(self, storage: Storage) -> None:
        conversation = await _pinned(storage, await create(storage))
        lease = await begin(storage, conversation)

        page = await storage.list_conversations(ALICE, PageRequest())

        assert _replies(page.pinned) == _replies(page.conversations) == [lease.message_id]

    async def test_nobody_sees_what_others_have_pinned(self, storage: Storage) -> None:
        await _pinned(storage, await create(storage))

        assert await storage.list_conversations(BOB, PageRequest()) == Page((), None)


def _replies(conversations: Sequence[Conversation]) -> list[MessageId | None]:
    return [conversation.active_reply_id for conversation in conversations]


async def _archived(storage: Storage, conversation: Conversation) -> Conversation:
    return await storage.update_conversation(ALICE, conversation.id, ConversationChanges(is_archived=True))


async def _pinned(storage: Storage, conversation: Conversation) -> Conversation:
    return await storage.update_conversation(ALICE, conversation.id, ConversationChanges(is_pinned=True))


async def _ten_of_each(storage: Storage) -> list[Conversation]:
    """Stores twenty conversations, every second one archived; returns them newest first."""
    made = [evolve(a_conversation(at=later(number)), is_archived=number % 2 == 0) for number in range(20)]
    await store(storage, *made)
    return newest_first(made)
