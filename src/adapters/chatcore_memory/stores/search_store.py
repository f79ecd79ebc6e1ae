"""Implements the port for search in memory."""

from collections.abc import Collection, Mapping, Sequence

from chatcore.conversations.message import MessageId
from chatcore.ports.search import Candidates, IndexedText, PendingText, SearchIndex, WalkPlace, WalkStep
from chatcore.search.listing import SearchPlace
from chatcore.search.query import QueryTerm
from chatcore.user import UserId
from chatcore_memory.rows import Rows


class InMemorySearchIndex(SearchIndex):
    """Keeps the terms of texts in memory."""

    _rows: Rows

    async def claim_pending(self, limit: int) -> Sequence[PendingText]:
        """Claims texts that wait, as the port says."""
        async with self._rows.transaction():
            return self._rows.search.claim(limit)

    async def store_terms(self, texts: Sequence[IndexedText]) -> None:
        """Stores the terms of texts, as the port says."""
        async with self._rows.transaction():
            self._rows.search.store(texts)

    async def enqueue_unindexed(self, place: WalkPlace, limit: int) -> WalkStep:  # noqa: ARG002 - every text waits
        """Finds nothing, because every text that is not indexed waits."""
        async with self._rows.transaction():
            return WalkStep(None, 0)

    async def find_candidates(self, user_id: UserId, terms: Sequence[QueryTerm], place: SearchPlace) -> Candidates:
        """Finds texts by their terms, as the port says."""
        async with self._rows.transaction():
            return self._rows.search.find(user_id, terms, place)

    async def read_indexed_texts(self, user_id: UserId, message_ids: Collection[MessageId]) -> Mapping[MessageId, str]:
        """Returns the beginnings of messages, as the port says."""
        async with self._rows.transaction():
            return self._rows.search.texts(user_id, message_ids)
