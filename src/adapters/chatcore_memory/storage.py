"""Implements the storage port and the stream counts port in memory."""

from chatcore.ports import Clock, Storage
from chatcore_memory.rows import Rows
from chatcore_memory.stores.bulk_deletions import InMemoryBulkDeletions
from chatcore_memory.stores.change_store import InMemoryChanges
from chatcore_memory.stores.conversation_store import InMemoryConversations
from chatcore_memory.stores.reply_store import InMemoryReplies
from chatcore_memory.stores.search_store import InMemorySearchIndex
from chatcore_memory.stores.stream_count_store import InMemoryStreamCounts
from chatcore_memory.stores.transfer_store import InMemoryTransfers
from chatcore_memory.stores.tree_store import InMemoryTrees


class InMemoryStorage(
    InMemoryConversations,
    InMemoryTrees,
    InMemoryBulkDeletions,
    InMemoryTransfers,
    InMemoryReplies,
    InMemoryChanges,
    InMemorySearchIndex,
    InMemoryStreamCounts,
    Storage,
):
    """Stores all data in this process, and loses the data when the process ends.

    Leases and counts expire by the clock that is passed in. As with a database over a network, every call lets other
    tasks run before the call takes effect, and can be made to fail:

    - ``storage.outage = True``: every call fails without taking effect, until the attribute is false again.
    - ``storage.lost_replies = 2``: the next two calls take effect and fail nevertheless, as when a connection breaks
      just before the answer to COMMIT.
    """

    def __init__(self, clock: Clock) -> None:
        self._rows = Rows(clock)

    @property
    def outage(self) -> bool:
        """Returns whether every call fails without taking effect."""
        return self._rows.outage

    @outage.setter
    def outage(self, fails: bool) -> None:
        self._rows.outage = fails

    @property
    def lost_replies(self) -> int:
        """Returns how many of the next calls take effect and fail nevertheless."""
        return self._rows.lost_replies

    @lost_replies.setter
    def lost_replies(self, calls: int) -> None:
        self._rows.lost_replies = calls
