"""Implements the port for stream counts in memory."""

from collections.abc import Mapping

from chatcore.ports.stream_counts import ProcessId, StreamCounts
from chatcore.user import UserId
from chatcore_memory.rows import Rows


class InMemoryStreamCounts(StreamCounts):
    """Exchanges the counts of open streams in memory."""

    _rows: Rows

    async def exchange_stream_counts(self, process_id: ProcessId, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
        """Exchanges the counts of a process for those of all others, as the port says."""
        async with self._rows.transaction():
            return self._rows.stream_counts.exchange(process_id, counts)

    async def forget_stream_counts(self, limit: int) -> int:
        """Deletes expired counts, as the port says."""
        async with self._rows.transaction():
            return self._rows.stream_counts.forget(limit)
