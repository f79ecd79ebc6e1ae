"""Implements the port for changes in memory."""

from collections.abc import Collection

from chatcore.ports.changes import ChangesRead, ChangeStore
from chatcore.sync.watermark import Watermark
from chatcore.user import UserId
from chatcore_memory.rows import Rows


class InMemoryChanges(ChangeStore):
    """Tells in memory which conversations have changed."""

    _rows: Rows

    async def read_watermark(self) -> Watermark:
        """Returns the present place, as the port says."""
        async with self._rows.transaction():
            return self._rows.changes.watermark()

    async def read_changes(self, user_id: UserId, after: Watermark, limit: int) -> ChangesRead:
        """Returns the first changes of a user after a watermark, as the port says."""
        async with self._rows.transaction():
            return self._rows.changes.read((user_id,), after, limit)

    async def read_changes_of_all(self, user_ids: Collection[UserId], after: Watermark, limit: int) -> ChangesRead:
        """Returns the first changes of many users after a watermark, as the port says."""
        async with self._rows.transaction():
            return self._rows.changes.read(user_ids, after, limit)

    async def purge_deletions(self, age_seconds: float, limit: int) -> int:
        """Forgets old deletions, as the port says."""
        async with self._rows.transaction():
            return self._rows.changes.purge_deletions(age_seconds, limit)
