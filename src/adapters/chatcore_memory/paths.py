"""Reads the paths and trees of conversations in memory, in slices."""

from collections.abc import Sequence
from itertools import takewhile

from attrs import evolve, frozen

from chatcore.conversations.conversation import Conversation, active_path
from chatcore.conversations.log import bytes_of
from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.conversations.path import (
    MAX_PATH_PAGE_BYTES,
    MAX_SECTION_CHARS,
    MAX_SLICE_BYTES,
    MAX_SLICE_MESSAGES,
    MessageSlice,
    PathRequest,
    SliceKey,
    unknown_cursor,
)
from chatcore.errors import MessageNotFoundError
from chatcore.user import UserId
from chatcore_memory.tables import Tables
from chatcore_memory.trees import TreeRows


@frozen
class PathRows:
    """Reads messages from the tables; each method does as the port says."""

    _tables: Tables
    _trees: TreeRows

    def open(self, conversation: Conversation, request: PathRequest) -> tuple[MessageSlice, Sequence[SliceKey]]:
        """Returns the oldest slice of the requested path, and the keys of the others."""
        newest_first = self._newest_first(conversation, request)
        slices: list[list[Message]] = []
        while newest_first:
            count = _fitting(newest_first, MAX_SLICE_MESSAGES, MAX_SLICE_BYTES)
            slices.append(newest_first[:count])
            del newest_first[:count]
        if not slices:
            return MessageSlice(()), ()
        *newer, oldest = slices
        return _slice(oldest[::-1]), [SliceKey(messages[0].id, len(messages)) for messages in reversed(newer)]

    def _newest_first(self, conversation: Conversation, request: PathRequest) -> list[Message]:
        key = (conversation.user_id, conversation.id)
        end = conversation.head_id
        if request.before is not None:
            try:
                end = self._tables.message(*key, request.before.message_id).parent_id
            except MessageNotFoundError:
                raise unknown_cursor() from None
            if end is None:
                raise unknown_cursor()
        newest_first = active_path(self._tables.messages[key], end)[::-1]
        path = self._shown(newest_first)
        return path if request.limit is None else path[: _fitting(path, request.limit, MAX_PATH_PAGE_BYTES)]

    def read_slice(self, user_id: UserId, conversation_id: ConversationId, key: SliceKey) -> MessageSlice:
        """Returns a slice of a path."""
        self._tables.message(user_id, conversation_id, key.newest_id)
        path = active_path(self._tables.messages[user_id, conversation_id], key.newest_id)
        if len(path) < key.count:
            raise MessageNotFoundError
        return _slice(self._shown(path[-key.count :]))

    def read_tree(self, user_id: UserId, conversation_id: ConversationId, after: int) -> MessageSlice:
        """Returns the messages after a position."""
        messages = self._tables.messages.get((user_id, conversation_id))
        if messages is None:
            raise MessageNotFoundError
        later = self._shown([message for message in messages if message.position > after])
        return _slice(later[: _fitting(later, MAX_SLICE_MESSAGES, MAX_SLICE_BYTES)])

    def read_text(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, offset: int) -> str:
        """Returns a section of a message's text."""
        message = self._tables.with_stored_text(self._tables.message(user_id, conversation_id, message_id))
        return message.content[offset : offset + MAX_SECTION_CHARS]

    def _shown(self, messages: Sequence[Message]) -> list[Message]:
        return self._trees.with_siblings([self._tables.with_stored_text(message) for message in messages])


def _fitting(messages: Sequence[Message], max_messages: int, max_bytes: int) -> int:
    """Returns how many of the first messages fit, but at least one if there is one."""
    total = 0
    sums = [total := total + _bytes_of(message) for message in messages[:max_messages]]
    return max(sum(1 for _ in takewhile(lambda bytes_: bytes_ <= max_bytes, sums)), min(len(sums), 1))


def _slice(messages: Sequence[Message]) -> MessageSlice:
    """Returns a slice of these messages, with the first section of a last one that is longer than a slice."""
    if not messages:
        return MessageSlice(messages)
    last = messages[-1]
    if _bytes_of(last) <= MAX_SLICE_BYTES:
        return MessageSlice(messages, has_pieces=bool(last.pieces))
    begun = evolve(last, content=last.content[:MAX_SECTION_CHARS], pieces=())
    return MessageSlice([*messages[:-1], begun], is_whole=False, has_pieces=bool(last.pieces))


def _bytes_of(message: Message) -> int:
    return len(message.content.encode()) + (bytes_of(message.pieces) or 0)
