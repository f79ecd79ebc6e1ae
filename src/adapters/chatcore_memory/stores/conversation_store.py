"""Implements the port for conversations in memory."""

from collections.abc import Sequence

from chatcore.conversations.changes import ConversationChanges, HeadChoice
from chatcore.conversations.conversation import Conversation
from chatcore.conversations.listing import Page, PageRequest
from chatcore.conversations.log import Stretch
from chatcore.conversations.message import ConversationId, MessageId
from chatcore.conversations.path import MessageSlice, OpenPath, PathRequest, SliceKey
from chatcore.ports.conversations import ConversationStore
from chatcore.ports.new_fork import NewFork
from chatcore.user import UserId
from chatcore_memory.rows import Rows


class InMemoryConversations(ConversationStore):
    """Stores conversations in memory."""

    _rows: Rows

    async def create_conversation(self, conversation: Conversation) -> bool:
        """Stores a new, empty conversation, as the port says."""
        async with self._rows.transaction():
            return self._rows.conversations.create(conversation)

    async def fork_conversation(self, new: NewFork) -> Conversation | None:
        """Copies a path to a new conversation, as the port says."""
        async with self._rows.transaction():
            return self._rows.forks.fork(new)

    async def list_conversations(self, user_id: UserId, request: PageRequest) -> Page:
        """Returns a page of the user's conversations, as the port says."""
        async with self._rows.transaction():
            return self._rows.conversations.list_page(user_id, request)

    async def get_conversation(self, user_id: UserId, conversation_id: ConversationId) -> Conversation:
        """Returns a conversation without its messages, as the port says."""
        async with self._rows.transaction():
            return self._rows.conversations.get(user_id, conversation_id)

    async def open_path(self, user_id: UserId, conversation_id: ConversationId, request: PathRequest) -> OpenPath:
        """Returns a conversation with the oldest slice of its path, as the port says."""
        async with self._rows.transaction():
            conversation = self._rows.conversations.get(user_id, conversation_id)
            first, rest = self._rows.paths.open(conversation, request)
            return OpenPath(conversation=conversation, first=first, rest=rest)

    async def read_slice(self, user_id: UserId, conversation_id: ConversationId, key: SliceKey) -> MessageSlice:
        """Returns a slice of a path, as the port says."""
        async with self._rows.transaction():
            return self._rows.paths.read_slice(user_id, conversation_id, key)

    async def read_tree(self, user_id: UserId, conversation_id: ConversationId, after: int) -> MessageSlice:
        """Returns the messages after a position, as the port says."""
        async with self._rows.transaction():
            return self._rows.paths.read_tree(user_id, conversation_id, after)

    async def read_text(
        self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, offset: int
    ) -> str:
        """Returns a section of a message's text, as the port says."""
        async with self._rows.transaction():
            return self._rows.paths.read_text(user_id, conversation_id, message_id, offset)

    async def read_log(
        self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, position: int, max_chars: int
    ) -> Sequence[Stretch]:
        """Returns stretches of a reply's log, as the port says."""
        async with self._rows.transaction():
            message = self._rows.replies.get_message(user_id, conversation_id, message_id)
            return tuple(message.log.stretches(position, max_chars))

    async def update_conversation(
        self,
        user_id: UserId,
        conversation_id: ConversationId,
        changes: ConversationChanges,
        head: HeadChoice | None = None,
    ) -> Conversation:
        """Applies changes to a conversation, as the port says."""
        async with self._rows.transaction():
            return self._rows.conversations.update(user_id, conversation_id, changes, head)

    async def replace_auto_title(self, user_id: UserId, conversation_id: ConversationId, *, old: str, new: str) -> None:
        """Replaces a title that no user chose, as the port says."""
        async with self._rows.transaction():
            self._rows.conversations.replace_auto_title(user_id, conversation_id, old=old, new=new)

    async def delete_conversation(self, user_id: UserId, conversation_id: ConversationId) -> None:
        """Deletes a conversation, as the port says."""
        async with self._rows.transaction():
            self._rows.conversations.delete(user_id, conversation_id)
