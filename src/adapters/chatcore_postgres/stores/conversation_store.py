"""Implements the port for conversations on PostgreSQL."""

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
from chatcore_postgres import contents, conversations, forks, paths
from chatcore_postgres.pools import Pools


class PostgresConversations(ConversationStore):
    """Stores conversations in PostgreSQL."""

    _pools: Pools

    async def create_conversation(self, conversation: Conversation) -> bool:
        """Stores a new, empty conversation, as the port says."""
        return await conversations.create(self._pools.requests, conversation)

    async def fork_conversation(self, new: NewFork) -> Conversation | None:
        """Copies a path to a new conversation, as the port says."""
        return await forks.fork(self._pools.readings, new)

    async def list_conversations(self, user_id: UserId, request: PageRequest) -> Page:
        """Returns a page of the user's conversations, as the port says."""
        return await conversations.list_page(self._pools.requests, user_id, request)

    async def get_conversation(self, user_id: UserId, conversation_id: ConversationId) -> Conversation:
        """Returns a conversation without its messages, as the port says."""
        return await conversations.get(self._pools.requests, user_id, conversation_id)

    async def open_path(self, user_id: UserId, conversation_id: ConversationId, request: PathRequest) -> OpenPath:
        """Returns a conversation with the oldest slice of its path, as the port says."""
        return await paths.open_path(self._pools.readings, user_id, conversation_id, request)

    async def read_slice(self, user_id: UserId, conversation_id: ConversationId, key: SliceKey) -> MessageSlice:
        """Returns a slice of a path, as the port says."""
        return await paths.read_slice(self._pools.readings, user_id, conversation_id, key)

    async def read_tree(self, user_id: UserId, conversation_id: ConversationId, after: int) -> MessageSlice:
        """Returns the messages after a position, as the port says."""
        return await paths.read_tree(self._pools.readings, user_id, conversation_id, after)

    async def read_text(
        self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, offset: int
    ) -> str:
        """Returns a section of a message's text, as the port says."""
        return await contents.read_text(self._pools.readings, user_id, conversation_id, message_id, offset)

    async def read_log(
        self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, position: int, max_chars: int
    ) -> Sequence[Stretch]:
        """Returns stretches of a reply's log, as the port says."""
        return await contents.read_log(self._pools.readings, user_id, conversation_id, message_id, position, max_chars)

    async def update_conversation(
        self,
        user_id: UserId,
        conversation_id: ConversationId,
        changes: ConversationChanges,
        head: HeadChoice | None = None,
    ) -> Conversation:
        """Applies changes to a conversation, as the port says."""
        return await conversations.update(self._pools.requests, user_id, conversation_id, changes, head)

    async def replace_auto_title(self, user_id: UserId, conversation_id: ConversationId, *, old: str, new: str) -> None:
        """Replaces a title that no user chose, as the port says."""
        await conversations.replace_auto_title(self._pools.requests, user_id, conversation_id, old=old, new=new)

    async def delete_conversation(self, user_id: UserId, conversation_id: ConversationId) -> None:
        """Deletes a conversation, as the port says."""
        await conversations.delete(self._pools.requests, user_id, conversation_id)
