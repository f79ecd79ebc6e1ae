"""Tells in memory which conversations have changed."""

from collections.abc import Collection, Sequence

from attrs import frozen

from chatcore.ports.changes import Change, ChangesRead
from chatcore.ports.clock import Clock
from chatcore.sync.watermark import Watermark
from chatcore.user import UserId
from chatcore_memory.conversations import ConversationRows
from chatcore_memory.tables import Tables

_ORIGIN = "00000000"


@frozen
class ChangeRows:
    """Reads the changes in the tables; each method does as the port says."""

    _tables: Tables
    _conversations: ConversationRows
    _clock: Clock

    def watermark(self) -> Watermark:
        """Returns the present place."""
        return Watermark(origin=_ORIGIN, number=self._tables.change_count + 1, at=self._clock.now())

    def read(self, user_ids: Collection[UserId], after: Watermark, limit: int) -> ChangesRead:
        """Returns the first changes of each user after a watermark."""
        watermark = self.watermark()
        if after.origin != _ORIGIN or after.number > watermark.number:
            return ChangesRead(watermark=watermark, changes={}, is_known=False)
        read = {user_id: self._read_one(user_id, after.number)[:limit] for user_id in user_ids}
        return ChangesRead(
            watermark=watermark, changes={user_id: changes for user_id, changes in read.items() if changes}
        )

    def purge_deletions(self, age_seconds: float, limit: int) -> int:
        """Forgets old deletions."""
        latest = self._clock.monotonic() - age_seconds
        deletions = self._tables.deletions
        old = [key for key, deletion in deletions.items() if deletion.deleted_at <= latest][:limit]
        for key in old:
            del deletions[key]
        return len(old)

    def _read_one(self, user_id: UserId, number: int) -> Sequence[Change]:
        changed = [
            Change(
                number=changed_at,
                conversation_id=id_,
                conversation=self._conversations.get(owner, id_),
            )
            for (owner, id_), changed_at in self._tables.changes.items()
            if owner == user_id and changed_at >= number
        ]
        deleted = [
            Change(number=deletion.number, conversation_id=id_, conversation=None)
            for (owner, id_), deletion in self._tables.deletions.items()
            if owner == user_id and deletion.number >= number
        ]
        return sorted(changed + deleted, key=lambda change: change.number)
