"""Implements the port for bulk deletions on PostgreSQL."""

from collections.abc import Sequence
from datetime import timedelta

from chatcore.conversations.message import ConversationId
from chatcore.ports import BulkDeletions, WalkCursor, WalkedPage
from chatcore.user import UserId
from chatcore_postgres import bulk_deletions
from chatcore_postgres.pools import Pools


class PostgresBulkDeletions(BulkDeletions):
    """Deletes many conversations in PostgreSQL."""

    _pools: Pools

    async def delete_some(self, user_id: UserId, limit: int) -> Sequence[ConversationId]:
        """Deletes conversations of a user, as the port says."""
        return await bulk_deletions.delete_some(self._pools.requests, user_id, limit)

    async def delete_untouched(self, age: timedelta, after: WalkCursor | None, limit: int) -> WalkedPage:
        """Deletes the old conversations of a page, as the port says."""
        return await bulk_deletions.delete_untouched(self._pools.endings, age, after, limit)
