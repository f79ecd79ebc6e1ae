"""Tests the siblings that are shown with messages, as a part of the storage contract."""

from chatcore.conversations.message import MAX_VERSIONS_EACH_WAY, Message, MessageId
from chatcore.conversations.path import MAX_SLICE_MESSAGES, PathRequest
from chatcore.ports import Storage
from chatcore.testing.samples import BOB
from chatcore.testing.storage.path_steps import choose, open_path, read_path, read_whole, regenerate
from chatcore.testing.storage.steps import StorageHooks, converse, create, messages_of

# Each turn has two messages.
_MORE_THAN_A_SLICE = MAX_SLICE_MESSAGES // 2 + 5


class VersionsContract(StorageHooks):
    """Tests that every message is shown with the messages of the same parent."""

    async def test_a_message_without_others_is_its_only_version(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        await converse(storage, conversation, "three", "four")

        for message in await messages_of(storage, conversation):
            assert message.versions == (message.id,)
            assert await _shown_everywhere(storage, message) == message.versions

    async def test_versions_are_shown_oldest_first(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "one", "two")
        other = await regenerate(storage, conversation, "zwei")
        await converse(storage, conversation, "three", "four")
        last = await regenerate(storage, conversation, "deux", turn.reply.id)

        for message in await messages_of(storage, conversation):
            if message.parent_id == turn.user_message.id:
                assert message.versions == (turn.reply.id, other.id, last.id)
                assert await _shown_everywhere(storage, message) == message.versions

    async def test_first_messages_are_versions_of_each_other(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        edit = await converse(storage, conversation, "eins", "zwei", parent_id=None)
        # Other conversations have first messages as well.
        await converse(storage, await create(storage), "one", "two")

        question, reply = await read_path(storage, conversation)

        assert question.versions == (first.user_message.id, edit.user_message.id)
        assert reply.versions == (edit.reply.id,)

    async def test_of_many_versions_the_nearest_are_shown(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "one", "0")
        each_way = MAX_VERSIONS_EACH_WAY
        added = [await regenerate(storage, conversation, str(n)) for n in range(1, 2 * each_way + 5)]
        ids = [turn.reply.id, *(reply.id for reply in added)]

        _, *replies = await messages_of(storage, conversation)

        for place in (0, each_way, each_way + 2, len(ids) - 1):
            nearest = tuple(ids[max(place - each_way, 0) : place + each_way + 1])
            assert replies[place].versions == nearest
            assert await _read(storage, replies[place]) == nearest

    async def test_every_slice_shows_versions(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        for number in range(_MORE_THAN_A_SLICE):
            await converse(storage, conversation, f"question {number}", f"reply {number}")
        # The path is all there is.
        assert all(message.siblings in {(), (message.id,)} for message in await read_path(storage, conversation))
        first_edit = await converse(storage, conversation, "eins", "zwei", parent_id=None)
        await choose(storage, conversation, first.user_message.id, follow=True)
        last = await regenerate(storage, conversation, "last")

        path = await read_path(storage, conversation)

        assert path[0].versions == (first.user_message.id, first_edit.user_message.id)
        assert path[-1].versions[-1] == last.id
        assert len(path[-1].versions) == 2
        assert {len(message.versions) for message in path[1:-1]} == {1}

    async def test_every_page_shows_versions(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        await regenerate(storage, conversation, "zwei")
        await converse(storage, conversation, "three", "four")
        await regenerate(storage, conversation, "vier")
        numbers: list[int] = []
        request = PathRequest(limit=1)

        while True:
            page = await open_path(storage, conversation, request)
            numbers += [len(message.versions) for message in await read_whole(storage, page)]
            if page.previous_cursor is None:
                break
            request = PathRequest(limit=1, before=page.previous_cursor)

        assert numbers == [2, 1, 2, 1]

    async def test_other_conversations_have_no_such_messages(self, storage: Storage) -> None:
        conversation, other = await create(storage), await create(storage)
        turn = await converse(storage, conversation, "one", "two")
        await regenerate(storage, conversation, "zwei")

        assert await storage.read_siblings(other.user_id, other.id, [turn.reply.id]) == {}
        assert await storage.read_siblings(BOB, conversation.id, [turn.reply.id]) == {}


async def _shown_everywhere(storage: Storage, message: Message) -> tuple[MessageId, ...]:
    """Returns the versions of a message by its id, and checks that the path shows the same."""
    versions = await _read(storage, message)
    conversation = await storage.get_conversation(message.user_id, message.conversation_id)
    path = await read_path(storage, conversation)
    assert {shown.versions for shown in path if shown.id == message.id} <= {versions}
    return versions


async def _read(storage: Storage, message: Message) -> tuple[MessageId, ...]:
    siblings = await storage.read_siblings(message.user_id, message.conversation_id, [message.id])
    return siblings.get(message.id, ()) or (message.id,)
