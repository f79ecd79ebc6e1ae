"""Copies paths in memory."""

from collections.abc import Sequence
from datetime import UTC
from uuid import uuid4

from attrs import evolve, frozen

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import Message, MessageId
from chatcore.errors import GenerationInProgressError
from chatcore.ports.new_fork import NewFork
from chatcore_memory.tables import Tables


@frozen
class ForkRows:
    """Copies paths in the tables."""

    _tables: Tables

    def fork(self, new: NewFork) -> Conversation | None:
        """Copies a path to a new conversation, as the port says."""
        source = self._tables.conversation(new.user_id, new.source_id)
        if new.message_id is not None:
            self._tables.require_message(new.user_id, new.source_id, new.message_id, "message_id")
        path = self._tables.path_to(new.user_id, new.source_id, new.message_id or source.head_id)
        if path and path[-1].is_streaming:
            raise GenerationInProgressError(new.source_id, path[-1].id)
        key = (new.user_id, new.conversation_id)
        if key in self._tables.conversations:
            return None
        messages = _copies(path, new)
        now = new.now.astimezone(UTC)
        fork = evolve(
            source,
            id=new.conversation_id,
            head_id=messages[-1].id if messages else None,
            is_pinned=False,
            is_archived=False,
            created_at=now,
            updated_at=now,
        )
        self._tables.insert(fork)
        self._tables.messages[key] = messages
        self._tables.next_positions[key] = len(messages) + 1
        return fork


def _copies(path: Sequence[Message], new: NewFork) -> list[Message]:
    ids = {message.id: MessageId(uuid4()) for message in path}
    return [
        evolve(
            message,
            id=ids[message.id],
            parent_id=message.parent_id and ids[message.parent_id],
            conversation_id=new.conversation_id,
            position=position,
        )
        for position, message in enumerate(path, 1)
    ]
