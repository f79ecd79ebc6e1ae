"""Implements the port for bulk deletions in memory."""

from collections.abc import Sequence
from datetime import timedelta

from chatcore.conversations.message import ConversationId
from chatcore.ports import BulkDeletions, WalkCursor, WalkedPage
from chatcore.user import UserId
from chatcore_memory.rows import Rows


class InMemoryBulkDeletions(BulkDeletions):
    """Deletes many conversations in memory."""

    _rows: Rows

    async def delete_some(self, user_id: UserId, limit: int) -> Sequence[ConversationId]:
        """Deletes conversations of a user, as the port says."""
        async with self._rows.transaction():
            return self._rows.bulk_deletions.delete_some(user_id, limit)

    async def delete_untouched(self, age: timedelta, after: WalkCursor | None, limit: int) -> WalkedPage:
        """Deletes the old conversations of a page, as the port says."""
        async with self._rows.transaction():
            return self._rows.bulk_deletions.delete_untouched(age, after, limit)
