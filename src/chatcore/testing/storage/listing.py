"""Tests lists of conversations, as a part of the storage contract."""

from uuid import UUID

from attrs import evolve

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.listing import MAX_OFFSET, Cursor, Page, PageRequest
from chatcore.conversations.message import ConversationId
from chatcore.ports import Storage
from chatcore.testing.samples import ALICE, BOB, a_conversation, a_rename, later
from chatcore.testing.storage.list_steps import newest_first, read_list, store
from chatcore.testing.storage.steps import StorageHooks, create

#: Ids that differ in their first and in their last byte, which distinguish the orders of bytes, text and numbers.
_IDS = [ConversationId(UUID(int=(first << 120) + last)) for first in (0x0F, 0x80, 0xFF) for last in (1, 2, 255)]


class ListingContract(StorageHooks):
    """Tests the order, offsets and cursors of lists."""

    async def test_the_newest_come_first(self, storage: Storage) -> None:
        made = [a_conversation(at=later(minutes)) for minutes in (3, 1, 2)]
        await store(storage, *made)

        page = await storage.list_conversations(ALICE, PageRequest())

        assert page == Page((made[0], made[2], made[1]), None)

    async def test_conversations_of_the_same_instant_are_in_descending_order_of_id(self, storage: Storage) -> None:
        await store(storage, *(evolve(a_conversation(), id=id_) for id_ in _IDS[1::2] + _IDS[::2]))

        page = await storage.list_conversations(ALICE, PageRequest())

        assert [c.id for c in page.conversations] == sorted(_IDS, reverse=True)

    async def test_a_conversation_is_listed_as_it_is_and_a_pinned_one_in_its_place(self, storage: Storage) -> None:
        pinned = evolve(
            a_conversation(at=later(1)), title="Pinned", model_tag="eliza", is_pinned=True, instructions="Rhyme."
        )
        older, newer = a_conversation(at=later(0)), a_conversation(at=later(2))
        await store(storage, older, pinned, newer)

        for request in (PageRequest(), PageRequest(cursor=Cursor(later(3), newer.id))):
            page = await storage.list_conversations(ALICE, request)
            assert (page.conversations, page.next_cursor) == ((newer, pinned, older), None)

    async def test_a_rename_leaves_a_conversation_in_its_place(self, storage: Storage) -> None:
        older, newer = a_conversation(at=later(1)), a_conversation(at=later(2))
        await store(storage, older, newer)

        renamed = await storage.update_conversation(ALICE, older.id, a_rename("First"))

        assert (await storage.list_conversations(ALICE, PageRequest())).conversations == (newer, renamed)

    async def test_each_user_sees_their_own(self, storage: Storage) -> None:
        alices, bobs = await create(storage), await create(storage, BOB)

        assert (await storage.list_conversations(ALICE, PageRequest())).conversations == (alices,)
        assert (await storage.list_conversations(BOB, PageRequest())).conversations == (bobs,)

    async def test_an_empty_list_is_one_empty_page(self, storage: Storage) -> None:
        assert await storage.list_conversations(ALICE, PageRequest()) == Page((), None)

    async def test_offsets_cut_the_same_list(self, storage: Storage) -> None:
        expected = await _nine(storage)

        for offset, limit in ((0, 4), (4, 4), (8, 4), (3, 1), (0, 200)):
            page = await storage.list_conversations(ALICE, PageRequest(limit=limit, offset=offset))
            assert list(page.conversations) == expected[offset : offset + limit]

    async def test_an_offset_past_the_end_is_an_empty_last_page(self, storage: Storage) -> None:
        await _nine(storage)

        for offset in (9, 10, MAX_OFFSET):
            assert await storage.list_conversations(ALICE, PageRequest(offset=offset)) == Page((), None)

    async def test_the_next_cursor_is_none_exactly_when_nothing_comes_after(self, storage: Storage) -> None:
        expected = await _nine(storage)

        for limit in (1, 8, 9, 10):
            page = await storage.list_conversations(ALICE, PageRequest(limit=limit))
            assert page.next_cursor == (Cursor.after(expected[limit - 1]) if limit < 9 else None)
        last = await storage.list_conversations(ALICE, PageRequest(limit=1, offset=8))
        assert last == Page((expected[8],), None)

    async def test_cursors_walk_the_whole_list_whatever_the_page_size(self, storage: Storage) -> None:
        expected = await _nine(storage)

        for limit in (1, 2, 3, 4, 9):
            seen = await read_list(storage, PageRequest(limit=limit))
            assert seen == expected

    async def test_a_cursor_survives_being_handed_out(self, storage: Storage) -> None:
        expected = await _nine(storage)
        page = await storage.list_conversations(ALICE, PageRequest(limit=5))
        assert page.next_cursor is not None

        cursor = Cursor.decode(page.next_cursor.encode())

        assert await read_list(storage, PageRequest(cursor=cursor)) == expected[5:]

    async def test_a_walk_neither_skips_nor_repeats_while_others_are_added(self, storage: Storage) -> None:
        expected = await _nine(storage)
        page = await storage.list_conversations(ALICE, PageRequest(limit=4))
        assert page.next_cursor is not None

        await store(storage, a_conversation(at=later(100)), a_conversation(at=later(101)))
        rest = await read_list(storage, PageRequest(limit=4, cursor=page.next_cursor))

        assert [*page.conversations, *rest] == expected

    async def test_a_walk_survives_deletion_of_the_conversation_at_the_cursor(self, storage: Storage) -> None:
        expected = await _nine(storage)
        page = await storage.list_conversations(ALICE, PageRequest(limit=4))

        await storage.delete_conversation(ALICE, expected[3].id)

        assert await read_list(storage, PageRequest(limit=4, cursor=page.next_cursor)) == expected[4:]

    async def test_a_cursor_of_another_user_shows_nothing_of_theirs(self, storage: Storage) -> None:
        expected = await _nine(storage)
        bobs = await create(storage, BOB)

        page = await storage.list_conversations(BOB, PageRequest(cursor=Cursor(later(1000), expected[0].id)))

        assert page.conversations == (bobs,)


async def _nine(storage: Storage) -> list[Conversation]:
    """Stores nine conversations at three instants; returns the conversations in the order of the list."""
    made = [evolve(a_conversation(at=later(index % 3)), id=id_) for index, id_ in enumerate(_IDS)]
    await store(storage, *made)
    return newest_first(made)
