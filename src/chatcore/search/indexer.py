"""Indexes what waits for being indexed, in small batches beside all other work."""

from chatcore.ports.clock import Clock
from chatcore.ports.search import IndexedText, PendingText, SearchIndex, WalkPlace
from chatcore.search.terms import terms_of

_BATCH = 50
# One sweep indexes for so long, so that all other work goes on.
_SECONDS = 0.5
# A step of the walk looks at so many texts, and that many steps in vain follow each other at once.
_STEP = 200
_STEPS_IN_VAIN = 20
#: The time from the end of a walk to the beginning of the next one: after the first walk, and at most.
FIRST_REST_SECONDS = 60.0
LONGEST_REST_SECONDS = 3600.0


class SearchIndexer:
    """Indexes texts that wait. Every process has an indexer, and the storage divides the texts among them.

    While nothing waits, the indexer also walks through everything that is stored, for texts that never waited: those
    that were stored before there was a search, or by a process of such a version while a deployment goes on. It walks
    again and again, with rests that become longer.
    """

    def __init__(self, *, index: SearchIndex, clock: Clock) -> None:
        self._index = index
        self._clock = clock
        self._place = WalkPlace()
        self._rests_until = 0.0
        self._rest_seconds = FIRST_REST_SECONDS

    async def index_some(self) -> None:
        """Indexes what waits, and what a step of the walk finds, for half a second at most.

        Raises:
            StorageUnavailableError: the storage failed. What was claimed waits again later.
        """
        until = self._clock.monotonic() + _SECONDS
        while self._clock.monotonic() < until:
            if await self._index_batch() < _BATCH and not await self._walk_on():
                return

    async def _index_batch(self) -> int:
        pending = await self._index.claim_pending(_BATCH)
        if pending:
            await self._index.store_terms([await self._indexed(text) for text in pending])
        return len(pending)

    async def _indexed(self, pending: PendingText) -> IndexedText:
        # Long texts take milliseconds each, so all other tasks have a turn in between.
        await self._clock.sleep(0)
        return IndexedText(pending, terms_of(pending.text or ""), terms_of(pending.title or ""))

    async def _walk_on(self) -> bool:
        """Walks until something is found; returns whether something waits now."""
        if self._clock.monotonic() < self._rests_until:
            return False
        for _ in range(_STEPS_IN_VAIN):
            step = await self._index.enqueue_unindexed(self._place, _STEP)
            self._place = step.next_place or WalkPlace()
            if step.next_place is None:
                self._rests_until = self._clock.monotonic() + self._rest_seconds
                self._rest_seconds = min(2 * self._rest_seconds, LONGEST_REST_SECONDS)
            if step.next_place is None or step.enqueued:
                return step.enqueued > 0
        return False
