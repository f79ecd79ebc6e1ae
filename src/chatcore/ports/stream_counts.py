"""The stream counts port."""

from collections.abc import Mapping
from typing import NewType, Protocol, runtime_checkable
from uuid import UUID

from chatcore.user import UserId

#: A process that has streams open, new at each start.
ProcessId = NewType("ProcessId", UUID)

#: How long a count holds unless it is said again.
COUNT_SECONDS = 15.0
#: How old a count may become before it is said again.
COUNT_RENEWAL_SECONDS = 5.0


@runtime_checkable
class StreamCounts(Protocol):
    """Keeps what each process says of the streams that users have open on it, so that all together can be bounded.

    The core itself does not need it; it is for an edge that serves from several processes. A count is forgotten
    COUNT_SECONDS after it was last said, in the storage's time: a process that was killed need not take back
    anything. Nothing else hangs on what is kept here, and it need not survive the storage's own crash. Both methods
    may be repeated.

    Raises:
        StorageUnavailableError: any method, when the storage is away, overloaded or read-only.
    """

    async def exchange_stream_counts(self, process_id: ProcessId, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
        """Says how many streams some users have open on a process, and learns how many they have on all others.

        Each count replaces the one that was said before; 0 takes it back. Users who are not named keep theirs.
        The others' counts are looked at once these are there to be seen: of two processes that exchange at the
        same time at least one learns what the other says.

        Returns:
            How many streams each named user with a count above 0 has open on other processes; who has none there
            may be left out.
        """
        ...

    async def forget_stream_counts(self, limit: int) -> int:
        """Removes counts that have run out, of all users, at most `limit`; returns how many."""
        ...
