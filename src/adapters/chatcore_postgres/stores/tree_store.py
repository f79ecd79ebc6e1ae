"""Implements the port for trees on PostgreSQL."""

from collections.abc import Collection, Mapping

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.ports.trees import TreeStore
from chatcore.user import UserId
from chatcore_postgres import trees
from chatcore_postgres.pools import Pools


class PostgresTrees(TreeStore):
    """Reads and deletes parts of trees in PostgreSQL."""

    _pools: Pools

    async def read_siblings(
        self, user_id: UserId, conversation_id: ConversationId, message_ids: Collection[MessageId]
    ) -> Mapping[MessageId, tuple[MessageId, ...]]:
        """Returns the siblings of messages, as the port says."""
        return await trees.read_siblings(self._pools.requests, user_id, conversation_id, message_ids)

    async def delete_message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> None:
        """Deletes a message with all messages below it, as the port says."""
        await trees.delete_message(self._pools.requests, user_id, conversation_id, message_id)
