"""Defines the port that reads and deletes parts of a conversation's tree."""

from collections.abc import Collection, Mapping
from typing import Protocol

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.user import UserId


class TreeStore(Protocol):
    """Reads and deletes parts of trees. :class:`chatcore.ports.Storage` states the rules that hold for every method.

    Raises:
        StorageUnavailableError: from every method, when the storage is unreachable, overloaded or read-only.
    """

    async def read_siblings(
        self, user_id: UserId, conversation_id: ConversationId, message_ids: Collection[MessageId]
    ) -> Mapping[MessageId, tuple[MessageId, ...]]:
        """Returns the :attr:`Message.siblings` of messages, by their ids; a message that does not exist has none.

        A message without other siblings has itself or nothing.
        """
        ...

    async def delete_message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> None:
        """Deletes a message with all messages below it, and the idempotency keys that led to any of them.

        If the head is among them, it moves to the newest message that is left below their parent, or to the parent if
        none is left; without a parent, to the newest message of the conversation, or to None. `updated_at` and the
        title stay as they are. The positions of deleted messages are not given to later ones.

        Raises:
            MessageNotFoundError: the user's conversation has no such message, or it is deleted already.
            GenerationInProgressError: the conversation has a running reply.
        """
        ...
