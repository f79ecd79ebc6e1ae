"""Indexes and finds texts, for the tests of the storage contract."""

from collections.abc import Sequence

from chatcore.conversations.message import MessageId
from chatcore.ports import Storage
from chatcore.ports.search import IndexedText, PendingText, WalkPlace
from chatcore.search.listing import BEGINNING, Candidate, SearchPlace
from chatcore.search.query import SearchQuery
from chatcore.search.terms import terms_of
from chatcore.testing.samples import (
    ALICE,
)
from chatcore.user import UserId


async def index_all(storage: Storage) -> None:
    """Indexes everything that waits."""
    while pending := await storage.claim_pending(10):
        await index_texts(storage, pending)


async def walk(storage: Storage, limit: int = 3) -> int:
    """Walks through everything; returns how many texts were found that did not wait."""
    place: WalkPlace | None = WalkPlace()
    found = 0
    while place is not None:
        step = await storage.enqueue_unindexed(place, limit)
        found += step.enqueued
        place = step.next_place
    return found


async def index_texts(storage: Storage, pending: Sequence[PendingText]) -> None:
    """Stores the terms of texts that were claimed."""
    texts = [IndexedText(text, terms_of(text.text or ""), terms_of(text.title or "")) for text in pending]
    await storage.store_terms(texts)


async def candidates_for(
    storage: Storage, query: str, place: SearchPlace = BEGINNING, user_id: UserId = ALICE
) -> Sequence[Candidate]:
    """Returns the candidates for a query after a place."""
    return list((await storage.find_candidates(user_id, SearchQuery.parse(query).terms, place)).found)


async def places_of(storage: Storage, query: str, user_id: UserId = ALICE) -> list[tuple[object, MessageId | None]]:
    """Returns the conversations and messages that have the terms of a query."""
    found = await candidates_for(storage, query, user_id=user_id)
    return [(candidate.conversation.id, candidate.message_id) for candidate in found]
