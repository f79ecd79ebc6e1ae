"""Implements the port for transfers in memory."""

from collections.abc import Mapping, Sequence

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import ConversationId, MessageId
from chatcore.ports import Addition, TransferStore
from chatcore.transfers.transferred import TransferredConversation
from chatcore.user import UserId
from chatcore_memory.rows import Rows


class InMemoryTransfers(TransferStore):
    """Exports and imports conversations in memory."""

    _rows: Rows

    async def list_by_id(self, user_id: UserId, after: ConversationId | None, limit: int) -> Sequence[Conversation]:
        """Returns conversations in the order of their ids, as the port says."""
        async with self._rows.transaction():
            return self._rows.transfers.list_by_id(user_id, after, limit)

    async def read_usages(
        self, user_id: UserId, conversation_id: ConversationId, message_ids: Sequence[MessageId]
    ) -> Mapping[MessageId, str]:
        """Returns what replies cost, as the port says."""
        async with self._rows.transaction():
            return self._rows.transfers.read_usages(user_id, conversation_id, message_ids)

    async def add_conversation(self, transferred: TransferredConversation) -> Addition:
        """Stores a conversation with its messages, as the port says."""
        async with self._rows.transaction():
            return self._rows.transfers.add(transferred)
