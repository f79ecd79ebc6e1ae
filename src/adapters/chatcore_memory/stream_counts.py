"""Stores in memory how many streams each user has open in each process."""

from collections.abc import Mapping
from uuid import UUID

from chatcore.ports.clock import Clock
from chatcore.ports.stream_counts import COUNT_SECONDS, ProcessId
from chatcore.user import UserId


class StreamCountRows:
    """Stores the counts that processes publish until the counts expire; each method does as the port says."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Each value is the count and when it expires, in seconds of the clock.
        self._rows: dict[tuple[UserId, UUID], tuple[int, float]] = {}

    def exchange(self, process_id: ProcessId, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
        """Stores the counts of a process; returns the counts of all others for the same users."""
        now = self._clock.monotonic()
        for user_id, count in counts.items():
            self._rows.pop((user_id, process_id), None)
            if count:
                self._rows[user_id, process_id] = (count, now + COUNT_SECONDS)
        return {user_id: self._elsewhere(user_id, process_id, now) for user_id, count in counts.items() if count}

    def forget(self, limit: int) -> int:
        """Deletes at most `limit` expired counts; returns the number of deleted counts."""
        now = self._clock.monotonic()
        expired = [row for row, (_, valid_until) in self._rows.items() if valid_until <= now][:limit]
        for row in expired:
            del self._rows[row]
        return len(expired)

    def _elsewhere(self, user_id: UserId, process_id: ProcessId, now: float) -> int:
        return sum(
            count
            for (user, process), (count, valid_until) in self._rows.items()
            if user == user_id and process != process_id and valid_until > now
        )
