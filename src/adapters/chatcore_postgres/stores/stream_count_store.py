"""Implements the port for stream counts on PostgreSQL."""

from collections.abc import Mapping

from chatcore.ports.stream_counts import ProcessId, StreamCounts
from chatcore.user import UserId
from chatcore_postgres import stream_counts
from chatcore_postgres.pools import Pools


class PostgresStreamCounts(StreamCounts):
    """Exchanges the counts of open streams through PostgreSQL."""

    _pools: Pools

    async def exchange_stream_counts(self, process_id: ProcessId, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
        """Exchanges the counts of a process for those of all others, as the port says."""
        return await stream_counts.exchange(self._pools.background, process_id, counts)

    async def forget_stream_counts(self, limit: int) -> int:
        """Deletes expired counts, as the port says."""
        return await stream_counts.forget(self._pools.background, limit)
