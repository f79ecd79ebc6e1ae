"""Implements the port for search on PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence

from chatcore.conversations.message import MessageId
from chatcore.ports.search import Candidates, IndexedText, PendingText, SearchIndex, WalkPlace, WalkStep
from chatcore.search.listing import SearchPlace
from chatcore.search.query import QueryTerm
from chatcore.user import UserId
from chatcore_postgres.pools import Pools
from chatcore_postgres.search import find, queue, walk


class PostgresSearchIndex(SearchIndex):
    """Keeps the terms of texts in PostgreSQL."""

    _pools: Pools

    async def claim_pending(self, limit: int) -> Sequence[PendingText]:
        """Claims texts that wait, as the port says."""
        return await queue.claim_pending(self._pools.endings, limit)

    async def store_terms(self, texts: Sequence[IndexedText]) -> None:
        """Stores the terms of texts, as the port says."""
        await queue.store_terms(self._pools.endings, texts)

    async def enqueue_unindexed(self, place: WalkPlace, limit: int) -> WalkStep:
        """Makes texts wait that are not indexed, as the port says."""
        return await walk.enqueue_unindexed(self._pools.endings, place, limit)

    async def find_candidates(self, user_id: UserId, terms: Sequence[QueryTerm], place: SearchPlace) -> Candidates:
        """Finds texts by their terms, as the port says."""
        return await find.find_candidates(self._pools.readings, user_id, terms, place)

    async def read_indexed_texts(self, user_id: UserId, message_ids: Collection[MessageId]) -> Mapping[MessageId, str]:
        """Returns the beginnings of messages, as the port says."""
        return await find.read_indexed_texts(self._pools.readings, user_id, message_ids)
