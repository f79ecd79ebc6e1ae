"""Provides the steps that read paths and change what they show, for the tests of the storage contract."""

from collections.abc import Iterable

from attrs import evolve

from chatcore.conversations.changes import ConversationChanges, HeadChoice
from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import Message, MessageId
from chatcore.conversations.path import WHOLE_PATH, MessageSlice, OpenPath, PathRequest
from chatcore.ports import Storage
from chatcore.testing.samples import a_final_state, a_regeneration
from chatcore.testing.storage.steps import end, lease_of


async def open_path(storage: Storage, conversation: Conversation, request: PathRequest = WHOLE_PATH) -> OpenPath:
    """Opens the active path of a conversation, or a page of it."""
    return await storage.open_path(conversation.user_id, conversation.id, request)


async def slices_of(storage: Storage, path: OpenPath) -> list[MessageSlice]:
    """Returns all slices of a path."""
    user_id, id_ = path.conversation.user_id, path.conversation.id
    return [path.first, *[await storage.read_slice(user_id, id_, key) for key in path.rest]]


async def read_whole(storage: Storage, path: OpenPath) -> list[Message]:
    """Returns all messages of a path with their whole texts."""
    messages: list[Message] = []
    for slice_ in await slices_of(storage, path):
        messages += slice_.messages
        if not slice_.is_whole:
            messages[-1] = await _with_all_parts(storage, messages[-1])
    return messages


async def read_path(storage: Storage, conversation: Conversation) -> list[Message]:
    """Returns all messages of the active path with their whole texts."""
    return await read_whole(storage, await open_path(storage, conversation))


async def _with_all_parts(storage: Storage, message: Message) -> Message:
    text = message.content
    while part := await storage.read_text(message.user_id, message.conversation_id, message.id, len(text)):
        text += part
    return evolve(message, content=text)


async def regenerate(
    storage: Storage, conversation: Conversation, text: str, message_id: MessageId | None = None
) -> Message:
    """Stores another version of a reply, by default of the last one; returns the version as it began."""
    regenerated = await storage.begin_regeneration(evolve(a_regeneration(conversation), message_id=message_id))
    await end(storage, lease_of(regenerated), a_final_state(text))
    return regenerated.reply


async def choose(
    storage: Storage, conversation: Conversation, message_id: MessageId, *, follow: bool = False
) -> Conversation:
    """Makes a message, or its newest descendant, the head of a conversation."""
    return await storage.update_conversation(
        conversation.user_id, conversation.id, ConversationChanges(), HeadChoice(message_id, follow)
    )


def contents(messages: Iterable[Message]) -> list[str]:
    """Returns the texts of messages."""
    return [message.content for message in messages]
