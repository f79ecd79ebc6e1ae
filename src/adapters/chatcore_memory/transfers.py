"""Exports and imports conversations in memory."""

from collections.abc import Mapping, Sequence

from attrs import evolve, frozen

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.ports import Addition
from chatcore.transfers.transferred import TransferredConversation
from chatcore.user import UserId
from chatcore_memory.conversations import ConversationRows
from chatcore_memory.tables import Tables


@frozen
class TransferRows:
    """Reads and adds whole conversations; each method does as the port says."""

    _tables: Tables
    _conversations: ConversationRows

    def list_by_id(self, user_id: UserId, after: ConversationId | None, limit: int) -> Sequence[Conversation]:
        """Returns the conversations of the user that follow an id."""
        ids = sorted(id_ for owner, id_ in self._tables.conversations if owner == user_id)
        following = [id_ for id_ in ids if after is None or id_ > after]
        return [self._conversations.get(user_id, id_) for id_ in following[:limit]]

    def read_usages(
        self, user_id: UserId, conversation_id: ConversationId, message_ids: Sequence[MessageId]
    ) -> Mapping[MessageId, str]:
        """Returns what replies cost."""
        own = {message.id for message in self._tables.messages.get((user_id, conversation_id), ())}
        usages = {id_: self._tables.usages.get((user_id, id_)) for id_ in message_ids if id_ in own}
        return {id_: usage for id_, usage in usages.items() if usage is not None}

    def add(self, transferred: TransferredConversation) -> Addition:
        """Stores a conversation with its messages."""
        conversation = transferred.conversation
        key = (conversation.user_id, conversation.id)
        if key in self._tables.conversations:
            return Addition.PRESENT
        ids = {message.id for message in transferred.messages}
        if any(
            owner == conversation.user_id and ids & _ids(rows) for (owner, _), rows in self._tables.messages.items()
        ):
            return Addition.MESSAGE_ID_TAKEN
        self._conversations.create(evolve(conversation, active_reply_id=None))
        self._tables.messages[key] = list(transferred.messages)
        self._tables.next_positions[key] = len(transferred.messages) + 1
        self._tables.usages |= {(conversation.user_id, id_): usage for id_, usage in transferred.usages.items()}
        return Addition.ADDED


def _ids(rows: Sequence[Message]) -> set[MessageId]:
    return {message.id for message in rows}
