"""Tests the pages of paths, as a part of the storage contract."""

import pytest

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import Message
from chatcore.conversations.path import MAX_PATH_PAGE_BYTES, PathCursor, PathRequest
from chatcore.errors import InvalidInputError
from chatcore.ports import Storage
from chatcore.testing.samples import BOB, a_message_id
from chatcore.testing.storage.path_steps import contents, open_path, read_path, read_whole, regenerate
from chatcore.testing.storage.steps import StorageHooks, converse, create


class PagesContract(StorageHooks):
    """Tests pages of a path, from the newest message back to the root."""

    async def test_pages_walk_the_path_from_the_newest_to_the_root(self, storage: Storage) -> None:
        conversation = await create(storage)
        for number in range(4):
            await converse(storage, conversation, f"question {number}", f"answer {number}")
        expected = await read_path(storage, conversation)

        for limit in (1, 3, 4, 7, 8, 9):
            pages = await _pages(storage, conversation, limit)
            assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
            assert [message for page in reversed(pages) for message in page] == expected

    async def test_a_page_ends_early_when_its_text_is_long(self, storage: Storage) -> None:
        conversation = await create(storage)
        half, whole = "x" * (MAX_PATH_PAGE_BYTES // 2), "x" * (MAX_PATH_PAGE_BYTES + 1)
        for text in (half, whole, half, half):
            await converse(storage, conversation, "?", text)

        pages = await _pages(storage, conversation, 200)

        assert [[len(m.content) for m in page] for page in pages] == [
            [1, len(half)],
            [1, len(half)],
            [len(whole)],
            [1, len(half), 1],
        ]

    async def test_older_pages_stay_on_their_branch_when_the_head_moves(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        path = await open_path(storage, conversation, PathRequest(limit=1))
        assert path.previous_cursor is not None

        await regenerate(storage, conversation, "zwei")
        older = await open_path(storage, conversation, PathRequest(limit=1, before=path.previous_cursor))

        assert (contents(path.first.messages), contents(older.first.messages)) == (["two"], ["one"])

    async def test_a_cursor_without_a_limit_requests_all_that_is_older(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        await converse(storage, conversation, "three", "four")
        path = await open_path(storage, conversation, PathRequest(limit=1))

        older = await open_path(storage, conversation, PathRequest(before=path.previous_cursor))

        assert contents(older.first.messages) == ["one", "two", "three"]

    async def test_a_cursor_must_mark_a_place_in_the_conversation(self, storage: Storage) -> None:
        conversation, other, bobs = await create(storage), await create(storage), await create(storage, BOB)
        elsewhere = [await converse(storage, each, "Hello", "Hi") for each in (other, bobs)]
        turn = await converse(storage, conversation, "Hello", "Hi")

        for message_id in (a_message_id(), turn.user_message.id, *(each.reply.id for each in elsewhere)):
            with pytest.raises(InvalidInputError):
                await open_path(storage, conversation, PathRequest(before=PathCursor(message_id)))


async def _pages(storage: Storage, conversation: Conversation, limit: int) -> list[list[Message]]:
    """Returns all pages of a path, newest first."""
    pages: list[list[Message]] = []
    request = PathRequest(limit=limit)
    while True:
        path = await open_path(storage, conversation, request)
        pages.append(await read_whole(storage, path))
        if path.previous_cursor is None:
            return pages
        request = PathRequest(limit=limit, before=PathCursor.decode(path.previous_cursor.encode()))
