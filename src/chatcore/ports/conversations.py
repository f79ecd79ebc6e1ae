"""Defines the port that stores conversations."""

from typing import Protocol

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.conversation import Conversation, OpenConversation
from chatcore.conversations.listing import Page, PageRequest
from chatcore.conversations.message import ConversationId
from chatcore.user import UserId


class ConversationStore(Protocol):
    """Stores conversations. :class:`chatcore.ports.Storage` states the rules that hold for every method.

    Raises:
        StorageUnavailableError: from every method, when the storage is unreachable, overloaded or read-only.
    """

    async def create_conversation(self, conversation: Conversation) -> None:
        """Stores a new, empty conversation. A conversation that already has this id stays unchanged."""
        ...

    async def list_conversations(self, user_id: UserId, request: PageRequest) -> Page:
        """Returns the user's conversations, newest `updated_at` first, ties by id in descending order.

        The page has at most `request.limit` conversations. Its `next_cursor` is None exactly when no conversation
        follows.
        """
        ...

    async def open_conversation(self, user_id: UserId, conversation_id: ConversationId) -> OpenConversation:
        """Returns a conversation with all messages of its tree, ordered by position.

        The content of a running reply is empty in the result; its text is in the stream.

        Raises:
            ConversationNotFoundError: the user has no such conversation.
        """
        ...

    async def update_conversation(
        self, user_id: UserId, conversation_id: ConversationId, changes: ConversationChanges
    ) -> Conversation:
        """Applies changes as :meth:`ConversationChanges.apply_to` does; returns the conversation as it is stored now.

        Raises:
            ConversationNotFoundError: the user has no such conversation.
        """
        ...

    async def delete_conversation(self, user_id: UserId, conversation_id: ConversationId) -> None:
        """Deletes a conversation with its messages, its running reply and its idempotency keys.

        Raises:
            ConversationNotFoundError: the user has no such conversation, or it is deleted already.
        """
        ...
