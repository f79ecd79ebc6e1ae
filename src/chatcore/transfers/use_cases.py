"""Implements the use cases that export and import conversations."""

from collections.abc import AsyncIterator, Mapping, Sequence

from attrs import frozen

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.conversations.open_conversation import OpenConversation
from chatcore.conversations.use_cases import Conversations
from chatcore.errors import ConversationNotFoundError
from chatcore.ports.transfers import Addition, TransferStore
from chatcore.transfers.transferred import TransferredConversation
from chatcore.user import User

_LISTED_AT_ONCE = 50


@frozen(kw_only=True)
class Transfers:
    """Offers the use cases on whole conversations. Every method may also raise StorageUnavailableError."""

    storage: TransferStore
    conversations: Conversations

    async def export(self, user: User) -> AsyncIterator[OpenConversation]:
        """Iterates over all conversations of the user, opened at the messages of all their branches.

        A conversation that is created or deleted meanwhile may be missing.
        """
        after: ConversationId | None = None
        while page := await self.storage.list_by_id(user.id, after, _LISTED_AT_ONCE):
            for conversation in page:
                try:
                    opened = await self.conversations.open_tree(user, conversation.id)
                except ConversationNotFoundError:
                    continue
                yield opened
            after = page[-1].id

    async def usages(
        self, user: User, conversation_id: ConversationId, message_ids: Sequence[MessageId]
    ) -> Mapping[MessageId, str]:
        """Returns what the replies among these messages cost, as JSON objects, as far as their models said it."""
        return await self.storage.read_usages(user.id, conversation_id, message_ids)

    async def add(self, transferred: TransferredConversation) -> Addition:
        """Stores a conversation of its user with all its messages; one that is there already stays as it is."""
        return await self.storage.add_conversation(transferred)
