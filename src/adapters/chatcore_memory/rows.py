"""Holds the rows of all tables in memory, and runs transactions over them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from chatcore.errors import StorageUnavailableError
from chatcore.ports import Clock
from chatcore_memory.beginnings import BeginningRows
from chatcore_memory.bulk_deletions import BulkDeletionRows
from chatcore_memory.changes import ChangeRows
from chatcore_memory.continuations import ContinuationRows
from chatcore_memory.conversations import ConversationRows
from chatcore_memory.forks import ForkRows
from chatcore_memory.paths import PathRows
from chatcore_memory.replies import ReplyRows
from chatcore_memory.search import SearchRows
from chatcore_memory.stream_counts import StreamCountRows
from chatcore_memory.tables import Tables
from chatcore_memory.transfers import TransferRows
from chatcore_memory.trees import TreeRows


class Rows:
    """Holds the rows of all tables; each transaction takes effect at once, or fails if that is asked for."""

    def __init__(self, clock: Clock) -> None:
        #: Whether every transaction fails without taking effect.
        self.outage = False
        #: How many transactions take effect and fail nevertheless.
        self.lost_replies = 0
        tables = Tables(clock)
        self.trees = TreeRows(tables)
        self.conversations = ConversationRows(tables, self.trees)
        self.forks = ForkRows(tables)
        self.paths = PathRows(tables, self.trees)
        self.bulk_deletions = BulkDeletionRows(tables, clock)
        self.replies = ReplyRows(tables, clock)
        self.beginnings = BeginningRows(tables, self.replies)
        self.continuations = ContinuationRows(tables)
        self.changes = ChangeRows(tables, self.conversations, clock)
        self.search = SearchRows(tables, clock)
        self.transfers = TransferRows(tables, self.conversations)
        self.stream_counts = StreamCountRows(clock)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None]:
        """Runs the block as one transaction: the block has no await, and makes all checks before its first write."""
        await asyncio.sleep(0)
        if self.outage:
            raise StorageUnavailableError(is_in_doubt=False)
        yield
        if self.lost_replies > 0:
            self.lost_replies -= 1
            raise StorageUnavailableError
