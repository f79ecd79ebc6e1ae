"""Defines the port that exports and imports conversations."""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Protocol

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import ConversationId, MessageId
from chatcore.transfers.transferred import TransferredConversation
from chatcore.user import UserId


class Addition(Enum):
    """Says what became of a conversation that was to be imported."""

    ADDED = auto()
    #: The user has a conversation with this id already. It stays as it is.
    PRESENT = auto()
    #: The user has a message with the id of one of the messages in another conversation. Nothing was stored.
    MESSAGE_ID_TAKEN = auto()


class TransferStore(Protocol):
    """Exports and imports conversations. :class:`chatcore.ports.Storage` states the rules that hold for every method.

    Raises:
        StorageUnavailableError: from every method, when the storage is unreachable, overloaded or read-only.
    """

    async def list_by_id(self, user_id: UserId, after: ConversationId | None, limit: int) -> Sequence[Conversation]:
        """Returns at most `limit` conversations of the user, those that follow an id in the order of ids.

        The order does not change while conversations are used, so a walk over all of them misses none.
        """
        ...

    async def read_usages(
        self, user_id: UserId, conversation_id: ConversationId, message_ids: Sequence[MessageId]
    ) -> Mapping[MessageId, str]:
        """Returns what the replies among these messages of a conversation cost, as far as their models said it."""
        ...

    async def add_conversation(self, transferred: TransferredConversation) -> Addition:
        """Stores a conversation with all its messages, as they are, in one transaction.

        A repeat returns PRESENT and changes nothing. Ids of other users do not matter.
        """
        ...
