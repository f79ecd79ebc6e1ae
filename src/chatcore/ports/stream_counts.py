"""Defines the port that stores how many streams each user has open in each process."""

from collections.abc import Mapping
from typing import NewType, Protocol, runtime_checkable
from uuid import UUID

from chatcore.user import UserId

#: The id of a process that has streams open, new at each start.
ProcessId = NewType("ProcessId", UUID)

#: How long a count is valid unless it is published again.
COUNT_SECONDS = 15.0
#: How old a count may become before it is published again.
COUNT_RENEWAL_SECONDS = 5.0


@runtime_checkable
class StreamCounts(Protocol):
    """Stores how many streams each user has open in each process, so that their sum can be limited.

    The core itself does not use this port; a service that runs in several processes uses it. A count expires
    COUNT_SECONDS after it was last published, by the storage's clock, so a process that was killed leaves nothing to
    clean up. Nothing else depends on the counts, and they need not survive a crash of the storage. Both methods may be
    repeated.

    Raises:
        StorageUnavailableError: from every method, when the storage is unreachable, overloaded or read-only.
    """

    async def exchange_stream_counts(self, process_id: ProcessId, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
        """Publishes how many streams some users have open in a process, and reads how many they have in all others.

        Each count replaces the one that was published before; 0 removes it. Users who are not named keep their
        counts. The counts of the others are read after these counts have become visible: when two processes exchange
        at the same time, at least one of them sees the count of the other.

        Returns:
            The number of streams in other processes for each named user with a count above 0. Users without streams
            there may be left out.
        """
        ...

    async def forget_stream_counts(self, limit: int) -> int:
        """Deletes at most `limit` expired counts, of all users; returns the number of deleted counts."""
        ...
