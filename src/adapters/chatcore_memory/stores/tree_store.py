"""Implements the port for trees in memory."""

from collections.abc import Collection, Mapping

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.ports.trees import TreeStore
from chatcore.user import UserId
from chatcore_memory.rows import Rows


class InMemoryTrees(TreeStore):
    """Reads and deletes parts of trees in memory."""

    _rows: Rows

    async def read_siblings(
        self, user_id: UserId, conversation_id: ConversationId, message_ids: Collection[MessageId]
    ) -> Mapping[MessageId, tuple[MessageId, ...]]:
        """Returns the siblings of messages, as the port says."""
        async with self._rows.transaction():
            return self._rows.trees.siblings_of(user_id, conversation_id, message_ids)

    async def delete_message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> None:
        """Deletes a message with all messages below it, as the port says."""
        async with self._rows.transaction():
            self._rows.trees.delete(user_id, conversation_id, message_id)
