"""How many streams users have open, by process."""

from collections.abc import Mapping
from uuid import UUID

from chatcore.ports.stream_counts import COUNT_SECONDS, ProcessId
from chatcore.user import UserId


class StreamCountTable:
    """What processes have said, and until when each count holds. Times are seconds of the storage's clock."""

    def __init__(self) -> None:
        self._rows: dict[tuple[UserId, UUID], tuple[int, float]] = {}

    def exchange(self, process_id: ProcessId, counts: Mapping[UserId, int], now: float) -> Mapping[UserId, int]:
        """Takes in what a process says; what the others have said of the same users."""
        for user_id, count in counts.items():
            self._rows.pop((user_id, process_id), None)
            if count:
                self._rows[user_id, process_id] = (count, now + COUNT_SECONDS)
        return {user_id: self._elsewhere(user_id, process_id, now) for user_id, count in counts.items() if count}

    def forget(self, now: float, limit: int) -> int:
        """Removes what has run out."""
        silent = [row for row, (_, valid_until) in self._rows.items() if valid_until <= now][:limit]
        for row in silent:
            del self._rows[row]
        return len(silent)

    def _elsewhere(self, user_id: UserId, process_id: ProcessId, now: float) -> int:
        return sum(
            count
            for (user, process), (count, valid_until) in self._rows.items()
            if user == user_id and process != process_id and valid_until > now
        )
