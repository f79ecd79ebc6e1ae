"""What an in-memory storage holds, and how a row is found."""

from collections.abc import Iterator
from datetime import datetime

from attrs import Factory, define, evolve, frozen

from chatcore.conversations.conversation import Conversation, active_path
from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.errors import ConversationNotFoundError, MessageNotFoundError
from chatcore.replies.lease import Lease
from chatcore.user import UserId


@define(kw_only=True)
class GenerationRow:
    """A reply in the making."""

    #: The present right to write it.
    lease: Lease
    #: Where the conversation's head goes back to if the reply comes to nothing.
    return_head_id: MessageId | None
    #: Whether it is made beside an earlier reply.
    replaces: bool
    #: By the storage's clock, in seconds.
    lease_until: float
    is_stop_requested: bool = False
    #: Text by its offset, in code points.
    deltas: dict[int, str] = Factory(dict[int, str])

    @property
    def text(self) -> str:
        """The stored text so far."""
        return "".join(text for _, text in sorted(self.deltas.items()))


@frozen(kw_only=True)
class RecordedKey:
    """An idempotency key, and the turn it stands for."""

    fingerprint: bytes
    conversation_id: ConversationId
    user_message_id: MessageId
    reply_id: MessageId
    recorded_at: datetime


@define
class Tables:
    """Rows by their keys, each of which begins with the user: nothing can be looked up without naming one."""

    conversations: dict[tuple[UserId, ConversationId], Conversation] = Factory(
        dict[tuple[UserId, ConversationId], Conversation]
    )
    #: By position.
    messages: dict[tuple[UserId, ConversationId], list[Message]] = Factory(
        dict[tuple[UserId, ConversationId], list[Message]]
    )
    #: One a conversation, by construction.
    generations: dict[tuple[UserId, ConversationId], GenerationRow] = Factory(
        dict[tuple[UserId, ConversationId], GenerationRow]
    )
    keys: dict[tuple[UserId, str], RecordedKey] = Factory(dict[tuple[UserId, str], RecordedKey])

    def conversation(self, user_id: UserId, conversation_id: ConversationId) -> Conversation:
        """The user's conversation.

        Raises:
            ConversationNotFoundError: there is none.
        """
        try:
            return self.conversations[user_id, conversation_id]
        except KeyError:
            raise ConversationNotFoundError from None

    def message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """A message of the user's conversation.

        Raises:
            MessageNotFoundError: there is none.
        """
        for message in self.messages.get((user_id, conversation_id), ()):
            if message.id == message_id:
                return message
        raise MessageNotFoundError

    def has_message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> bool:
        """Whether the user's conversation has this message."""
        return any(message.id == message_id for message in self.messages.get((user_id, conversation_id), ()))

    def path(self, conversation: Conversation) -> tuple[Message, ...]:
        """The active path of a conversation."""
        return active_path(self.messages[conversation.user_id, conversation.id], conversation.head_id)

    def leased(self, lease: Lease) -> GenerationRow | None:
        """The generation that this lease is the present one of; None when there is none such."""
        generation = self.generations.get((lease.user_id, lease.conversation_id))
        return generation if generation is not None and generation.lease == lease else None

    def generations_of(self, user_id: UserId) -> Iterator[GenerationRow]:
        """The user's replies in the making."""
        return (generation for (owner, _), generation in self.generations.items() if owner == user_id)

    def store(self, conversation: Conversation) -> Conversation:
        """Puts a conversation in place of what was there, but never takes its `updated_at` back; returns it."""
        before = self.conversations[conversation.user_id, conversation.id]
        kept = evolve(conversation, updated_at=max(before.updated_at, conversation.updated_at))
        self.conversations[conversation.user_id, conversation.id] = kept
        return kept

    def replace(self, message: Message) -> None:
        """Puts a message in place of the one at its position."""
        self.messages[message.user_id, message.conversation_id][message.position - 1] = message

    def drop(self, conversation: Conversation) -> None:
        """Removes a conversation with all that belongs to it."""
        key = (conversation.user_id, conversation.id)
        del self.conversations[key]
        del self.messages[key]
        self.generations.pop(key, None)
        self.keys = {
            (user_id, name): recorded
            for (user_id, name), recorded in self.keys.items()
            if (user_id, recorded.conversation_id) != key
        }
