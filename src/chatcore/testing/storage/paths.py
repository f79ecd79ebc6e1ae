"""Tests how the paths and trees of conversations are read in slices, as a part of the storage contract."""

from collections.abc import Sequence
from uuid import uuid4

import pytest

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.listing import PageRequest
from chatcore.conversations.message import ConversationId, Message, Status
from chatcore.conversations.path import (
    MAX_SECTION_CHARS,
    MAX_SLICE_BYTES,
    MAX_SLICE_MESSAGES,
    MessageSlice,
    SliceKey,
)
from chatcore.errors import MessageNotFoundError
from chatcore.ports import Storage
from chatcore.testing.samples import (
    ALICE,
    AWKWARD_TEXT,
    BOB,
    a_final_state,
    a_rename,
    progress,
)
from chatcore.testing.storage.path_steps import contents, open_path, read_path, regenerate, slices_of
from chatcore.testing.storage.steps import (
    StorageHooks,
    begin,
    checkpoint,
    converse,
    create,
    end,
    messages_of,
    reopen,
)

#: A text of which a few fill a slice: each of its characters has four bytes.
_LONG = "💬" * (MAX_SLICE_BYTES // 16)
#: A text that is longer than a slice: two whole parts and three characters.
_LONGER = "é💬" * MAX_SECTION_CHARS + "end"


class PathsContract(StorageHooks):
    """Tests the slices of paths and trees, and the reply that is running."""

    async def test_an_empty_conversation_has_an_empty_path(self, storage: Storage) -> None:
        conversation = await create(storage)

        path = await open_path(storage, conversation)

        assert path.conversation == conversation
        assert (path.first.messages, path.first.is_whole) in [((), True), ([], True)]
        assert (list(path.rest), path.previous_cursor) == ([], None)

    async def test_a_short_path_is_one_slice_with_each_message_as_it_is(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, AWKWARD_TEXT, AWKWARD_TEXT)
        await converse(storage, conversation, "And then?", "Nothing")

        path = await open_path(storage, conversation)

        assert tuple(path.first.messages) == await messages_of(storage, conversation)
        assert (path.first.is_whole, list(path.rest), path.previous_cursor) == (True, [], None)

    async def test_the_path_leaves_out_other_versions(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        for version in ("zwei", "deux"):
            await regenerate(storage, conversation, version)
        await converse(storage, conversation, "three", "four")
        await regenerate(storage, conversation, "vier")

        assert contents(await read_path(storage, conversation)) == ["one", "deux", "three", "vier"]

    async def test_a_path_of_many_messages_comes_in_slices(self, storage: Storage) -> None:
        conversation = await create(storage)
        for number in range(MAX_SLICE_MESSAGES // 2 + 1):
            await converse(storage, conversation, f"question {number}", f"answer {number}")

        path = await open_path(storage, conversation)

        assert [len(path.first.messages), *(key.count for key in path.rest)] == [2, MAX_SLICE_MESSAGES]
        assert await read_path(storage, conversation) == list(await messages_of(storage, conversation))

    async def test_a_path_of_many_bytes_comes_in_slices(self, storage: Storage) -> None:
        conversation = await create(storage)
        for number in range(5):
            await converse(storage, conversation, f"question {number}", _LONG)

        slices = await slices_of(storage, await open_path(storage, conversation))

        assert len(slices) > 1
        assert all(slice_.is_whole and _bytes(slice_.messages) <= MAX_SLICE_BYTES for slice_ in slices)
        assert [m for slice_ in slices for m in slice_.messages] == list(await messages_of(storage, conversation))

    @pytest.mark.parametrize("above", [0, 1])
    async def test_a_message_longer_than_a_slice_comes_in_parts(self, storage: Storage, above: int) -> None:
        conversation = await create(storage)
        text = "x" * (MAX_SLICE_BYTES + above)
        await converse(storage, conversation, "Tell me", text)
        await converse(storage, conversation, "More", _LONGER)

        slices = await slices_of(storage, await open_path(storage, conversation))
        long = [slice_.messages[-1] for slice_ in slices if not slice_.is_whole]

        assert [len(message.content) for message in long] == [MAX_SECTION_CHARS] * (1 + above)
        assert contents(await read_path(storage, conversation)) == ["Tell me", text, "More", _LONGER]

    async def test_a_part_ends_with_the_text(self, storage: Storage) -> None:
        conversation = await create(storage)
        reply = (await converse(storage, conversation, "Tell me", _LONGER)).reply

        length = len(_LONGER)
        for offset in (0, 1, MAX_SECTION_CHARS, 2 * MAX_SECTION_CHARS, length - 1, length, length + 1):
            part = await storage.read_text(ALICE, conversation.id, reply.id, offset)
            assert part == _LONGER[offset : offset + MAX_SECTION_CHARS]

    async def test_a_running_reply_shows_the_text_that_is_stored(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        lease = await begin(storage, conversation)
        for number, text in enumerate(("Well", ", y", AWKWARD_TEXT)):
            await checkpoint(storage, progress(lease, text, start_offset=(0, 4, 7)[number]))

        reply = (await read_path(storage, conversation))[-1]

        assert (reply.content, reply.status, reply.token_count) == ("Well, y" + AWKWARD_TEXT, Status.STREAMING, None)
        assert (await messages_of(storage, conversation))[-1] == reply

    async def test_a_long_running_reply_comes_in_parts(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await begin(storage, conversation)
        await checkpoint(storage, progress(lease, _LONGER))
        await checkpoint(storage, progress(lease, " and more", start_offset=len(_LONGER)))

        assert (await read_path(storage, conversation))[-1].content == _LONGER + " and more"

    async def test_a_reply_that_ends_between_two_slices_is_read_as_it_ended(self, storage: Storage) -> None:
        conversation = await create(storage)
        for number in range(5):
            await converse(storage, conversation, f"question {number}", _LONG)
        lease = await begin(storage, conversation)
        await checkpoint(storage, progress(lease, "Well"))
        path = await open_path(storage, conversation)

        await end(storage, lease, a_final_state("Well, yes"))

        assert (await slices_of(storage, path))[-1].messages[-1].content == "Well, yes"

    async def test_what_was_deleted_meanwhile_is_missed(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "Hello", "Hi")
        await storage.delete_conversation(ALICE, conversation.id)

        for attempt in (
            storage.read_slice(ALICE, conversation.id, SliceKey(turn.reply.id, 2)),
            storage.read_tree(ALICE, conversation.id, 0),
            storage.read_tree(ALICE, conversation.id, 2),
            storage.read_text(ALICE, conversation.id, turn.reply.id, 0),
        ):
            with pytest.raises(MessageNotFoundError):
                await attempt

    async def test_a_slice_is_whole_or_missed(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "Hello", "Hi")

        with pytest.raises(MessageNotFoundError):
            await storage.read_slice(ALICE, conversation.id, SliceKey(turn.reply.id, 3))

    async def test_slices_and_parts_are_read_by_their_user_in_their_conversation_only(self, storage: Storage) -> None:
        conversation, other = await create(storage), await create(storage)
        reply = (await converse(storage, conversation, "Hello", "Hi")).reply

        assert len((await storage.read_slice(ALICE, conversation.id, SliceKey(reply.id, 2))).messages) == 2
        for user_id, id_ in ((BOB, conversation.id), (ALICE, other.id), (ALICE, ConversationId(uuid4()))):
            for attempt in (
                storage.read_slice(user_id, id_, SliceKey(reply.id, 2)),
                storage.read_text(user_id, id_, reply.id, 0),
            ):
                with pytest.raises(MessageNotFoundError):
                    await attempt

    async def test_a_tree_comes_in_slices_by_messages_and_bytes(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", _LONG)
        for _ in range(5):
            await regenerate(storage, conversation, _LONG)
        await regenerate(storage, conversation, _LONGER)
        for number in range(MAX_SLICE_MESSAGES // 2 + 1):
            await converse(storage, conversation, f"question {number}", "answer")

        position, slices = 0, list[MessageSlice]()
        while (slice_ := await storage.read_tree(ALICE, conversation.id, position)).messages:
            position = slice_.messages[-1].position
            slices.append(slice_)

        assert [m.position for slice_ in slices for m in slice_.messages] == list(range(1, MAX_SLICE_MESSAGES + 11))
        assert [len(slice_.messages) for slice_ in slices] == [4, 3, 1, MAX_SLICE_MESSAGES, 2]
        assert [slice_.is_whole for slice_ in slices] == [True, True, False, True, True]

    async def test_every_way_to_a_conversation_names_its_running_reply(self, storage: Storage) -> None:
        idle, conversation = await create(storage), await create(storage)
        lease = await begin(storage, conversation)

        for running in await _shown(storage, conversation):
            assert running.active_reply_id == lease.message_id
        for waiting in await _shown(storage, idle):
            assert waiting.active_reply_id is None
        await end(storage, lease, a_final_state())
        for ended in await _shown(storage, conversation):
            assert ended.active_reply_id is None


async def _shown(storage: Storage, conversation: Conversation) -> Sequence[Conversation]:
    """Returns a conversation as each method of the port returns it."""
    listed = (await storage.list_conversations(ALICE, PageRequest())).conversations
    first = await storage.list_conversations(ALICE, PageRequest(limit=1))
    assert first.next_cursor is not None
    rest = (await storage.list_conversations(ALICE, PageRequest(cursor=first.next_cursor))).conversations
    return [
        *(shown for shown in (*listed, *first.conversations, *rest) if shown.id == conversation.id),
        (await reopen(storage, conversation)).conversation,
        (await open_path(storage, conversation)).conversation,
        await storage.update_conversation(ALICE, conversation.id, a_rename()),
    ]


def _bytes(messages: Sequence[Message]) -> int:
    return sum(len(message.content.encode()) for message in messages)
