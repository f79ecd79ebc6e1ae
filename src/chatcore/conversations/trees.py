"""Implements the use cases on the tree of a conversation's messages."""

from attrs import evolve, frozen

from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.ports.trees import TreeStore
from chatcore.user import User


@frozen
class Trees:
    """Offers the use cases on trees. Every method may also raise StorageUnavailableError."""

    storage: TreeStore

    async def with_siblings(self, *messages: Message) -> tuple[Message, ...]:
        """Returns messages of one conversation with the versions that stand beside each of them."""
        first = messages[0]
        siblings = await self.storage.read_siblings(
            first.user_id, first.conversation_id, [message.id for message in messages]
        )
        return tuple(evolve(message, siblings=siblings.get(message.id, ())) for message in messages)

    async def delete_message(self, user: User, conversation_id: ConversationId, message_id: MessageId) -> None:
        """Deletes a message with everything below it. If the head was among that, another version is shown.

        Raises:
            MessageNotFoundError: this user's conversation has no such message, or it is deleted already.
            GenerationInProgressError: a reply of the conversation is being generated.
        """
        await self.storage.delete_message(user.id, conversation_id, message_id)
