"""Implements the port for changes on PostgreSQL."""

from collections.abc import Collection

from chatcore.ports.changes import ChangesRead, ChangeStore
from chatcore.sync.watermark import Watermark
from chatcore.user import UserId
from chatcore_postgres import changes
from chatcore_postgres.pools import Pools


class PostgresChanges(ChangeStore):
    """Reads from PostgreSQL which conversations have changed."""

    _pools: Pools

    async def read_watermark(self) -> Watermark:
        """Returns the present place, as the port says."""
        return await changes.read_watermark(self._pools.requests)

    async def read_changes(self, user_id: UserId, after: Watermark, limit: int) -> ChangesRead:
        """Returns the first changes of a user after a watermark, as the port says."""
        return await changes.read_changes(self._pools.requests, (user_id,), after, limit)

    async def read_changes_of_all(self, user_ids: Collection[UserId], after: Watermark, limit: int) -> ChangesRead:
        """Returns the first changes of many users after a watermark, as the port says."""
        return await changes.read_changes(self._pools.background, user_ids, after, limit)

    async def purge_deletions(self, age_seconds: float, limit: int) -> int:
        """Forgets old deletions, as the port says."""
        return await changes.purge_deletions(self._pools.background, age_seconds, limit)
