"""Reads and deletes parts of trees in memory."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from attrs import evolve, frozen

from chatcore.conversations.changes import HeadChoice
from chatcore.conversations.message import MAX_VERSIONS_EACH_WAY, ConversationId, Message, MessageId
from chatcore.errors import GenerationInProgressError
from chatcore.user import UserId
from chatcore_memory.tables import Tables


@frozen
class TreeRows:
    """Reads and writes the trees in the tables; each method does as the port says, unless it says otherwise."""

    _tables: Tables

    def with_siblings(self, messages: Sequence[Message]) -> list[Message]:
        """Returns messages of one conversation with the siblings that stand beside each of them."""
        if not messages:
            return []
        siblings: defaultdict[MessageId | None, list[MessageId]] = defaultdict(list)
        for message in self._tables.messages[messages[0].user_id, messages[0].conversation_id]:
            siblings[message.parent_id].append(message.id)
        return [_with_nearest(message, siblings[message.parent_id]) for message in messages]

    def siblings_of(
        self, user_id: UserId, conversation_id: ConversationId, message_ids: Collection[MessageId]
    ) -> Mapping[MessageId, tuple[MessageId, ...]]:
        """Returns the siblings of messages."""
        messages = self._tables.messages.get((user_id, conversation_id), ())
        wanted = [message for message in messages if message.id in message_ids]
        return {message.id: message.siblings for message in self.with_siblings(wanted)}

    def chosen(self, user_id: UserId, conversation_id: ConversationId, choice: HeadChoice) -> MessageId:
        """Returns the id of the message that a choice makes the head.

        Raises:
            InvalidInputError: the choice names no message of the conversation.
        """
        self._tables.require_message(user_id, conversation_id, choice.message_id, "head_id")
        if not choice.follow:
            return choice.message_id
        return _subtree(self._tables.messages[user_id, conversation_id], choice.message_id)[-1].id

    def delete(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> None:
        """Deletes a message with all messages below it."""
        key = (user_id, conversation_id)
        target = self._tables.message(*key, message_id)
        running = self._tables.generations.get(key)
        if running is not None:
            raise GenerationInProgressError(conversation_id, running.lease.message_id)
        deleted = {message.id for message in _subtree(self._tables.messages[key], message_id)}
        left = [message for message in self._tables.messages[key] if message.id not in deleted]
        self._tables.messages[key] = left
        self._tables.next_positions[key] += 1
        self._tables.forget_usages(user_id, deleted)
        self._tables.keys = {
            name: recorded
            for name, recorded in self._tables.keys.items()
            if name[0] != user_id or deleted.isdisjoint((recorded.user_message_id, recorded.reply_id))
        }
        conversation = self._tables.conversation(*key)
        if conversation.head_id in deleted:
            below = left if target.parent_id is None else _subtree(left, target.parent_id)
            conversation = evolve(conversation, head_id=below[-1].id if below else None)
        self._tables.store(conversation)


def _with_nearest(message: Message, siblings: Sequence[MessageId]) -> Message:
    """Returns a message with those of its siblings that are nearest to it."""
    if len(siblings) == 1:
        return message
    place = siblings.index(message.id)
    nearest = siblings[max(place - MAX_VERSIONS_EACH_WAY, 0) : place + MAX_VERSIONS_EACH_WAY + 1]
    return evolve(message, siblings=tuple(nearest))


def _subtree(messages: Sequence[Message], root_id: MessageId) -> list[Message]:
    """Returns a message and all messages below it, ordered by position; each message comes after its parent."""
    found = {root_id}
    subtree: list[Message] = []
    for message in messages:
        if message.id in found or message.parent_id in found:
            found.add(message.id)
            subtree.append(message)
    return subtree
