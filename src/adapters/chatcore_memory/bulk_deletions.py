"""Deletes many conversations in memory."""

from collections.abc import Sequence
from datetime import timedelta

from attrs import frozen

from chatcore.conversations.message import ConversationId
from chatcore.ports import Clock, WalkCursor, WalkedPage
from chatcore.user import UserId
from chatcore_memory.tables import Tables


@frozen
class BulkDeletionRows:
    """Deletes conversations of the tables; each method does as the port says."""

    _tables: Tables
    _clock: Clock

    def delete_some(self, user_id: UserId, limit: int) -> Sequence[ConversationId]:
        """Deletes conversations of a user."""
        chosen = [id_ for owner, id_ in sorted(self._tables.conversations) if owner == user_id][:limit]
        for id_ in chosen:
            self._tables.drop(self._tables.conversation(user_id, id_))
        return chosen

    def delete_untouched(self, age: timedelta, after: WalkCursor | None, limit: int) -> WalkedPage:
        """Deletes the old conversations of a page."""
        keys = sorted(self._tables.conversations)
        if after is not None:
            keys = [key for key in keys if key > (after.user_id, after.conversation_id)]
        page = [self._tables.conversations[key] for key in keys[:limit]]
        old = [
            conversation
            for conversation in page
            if conversation.updated_at < self._clock.now() - age
            and not conversation.is_pinned
            and (conversation.user_id, conversation.id) not in self._tables.generations
        ]
        for conversation in old:
            self._tables.drop(conversation)
        return WalkedPage(
            deleted=len(old), next=WalkCursor(page[-1].user_id, page[-1].id) if len(page) == limit else None
        )
