"""Implements the port for transfers on PostgreSQL."""

from collections.abc import Mapping, Sequence

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import ConversationId, MessageId
from chatcore.ports import Addition, TransferStore
from chatcore.transfers.transferred import TransferredConversation
from chatcore.user import UserId
from chatcore_postgres import transfers
from chatcore_postgres.pools import Pools


class PostgresTransfers(TransferStore):
    """Exports and imports conversations through PostgreSQL."""

    _pools: Pools

    async def list_by_id(self, user_id: UserId, after: ConversationId | None, limit: int) -> Sequence[Conversation]:
        """Returns conversations in the order of their ids, as the port says."""
        return await transfers.list_by_id(self._pools.readings, user_id, after, limit)

    async def read_usages(
        self, user_id: UserId, conversation_id: ConversationId, message_ids: Sequence[MessageId]
    ) -> Mapping[MessageId, str]:
        """Returns what replies cost, as the port says."""
        return await transfers.read_usages(self._pools.readings, user_id, conversation_id, message_ids)

    async def add_conversation(self, transferred: TransferredConversation) -> Addition:
        """Stores a conversation with its messages, as the port says."""
        return await transfers.add(self._pools.additions, transferred)
