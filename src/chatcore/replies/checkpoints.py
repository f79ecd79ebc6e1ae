"""Stores the text of all running generations four times a second, many in one statement.

The same round trip renews leases and returns what happened elsewhere: stop requests, deletions and takeovers.
"""

from collections.abc import Iterator, Sequence

from chatcore.ports import Clock, Observer, ReplyStore
from chatcore.replies.generation import CancelReason, Generation
from chatcore.replies.generation_runner import GenerationRunner
from chatcore.replies.lease import OwnerId
from chatcore.replies.outage import FAILURES_THAT_MEAN_OUTAGE

#: The time from the start of one checkpoint to the start of the next.
CHECKPOINT_SECONDS = 0.25
#: Most replies in one statement. Larger batches cost less, but handling one blocks all streams.
MAX_REPLIES_AT_ONCE = 250
#: How much text of one reply may be kept in memory while the storage is unavailable.
MAX_UNSTORED_BYTES = 1024 * 1024


class Checkpointer:
    """Stores the progress of the generations of this process."""

    def __init__(
        self,
        runner: GenerationRunner,
        *,
        storage: ReplyStore,
        clock: Clock,
        observer: Observer,
        owner_id: OwnerId,
        max_at_once: int = MAX_REPLIES_AT_ONCE,
    ) -> None:
        self._runner = runner
        self._storage = storage
        self._clock = clock
        self._observer = observer
        self._owner_id = owner_id
        self._max_at_once = max_at_once

    async def run(self) -> None:
        """Stores a checkpoint every CHECKPOINT_SECONDS until the task is cancelled."""
        while True:
            started = self._clock.monotonic()
            await self.checkpoint()
            elapsed = self._clock.monotonic() - started
            await self._clock.sleep(max(CHECKPOINT_SECONDS - elapsed, 0.0))

    async def checkpoint(self) -> None:
        """Stores one checkpoint of all generations. It never raises: the next checkpoint retries what failed."""
        # A generation that keeps failing comes last, so that it does not hold up the others.
        everything = sorted(self._runner.running, key=lambda generation: generation.failures)
        if not everything:
            return
        started = self._clock.monotonic()
        for batch in self._batches(everything):
            if not await self._checkpoint(batch):
                break
        self._observer.checkpointed(len(everything), self._clock.monotonic() - started)

    def _batches(self, everything: Sequence[Generation]) -> Iterator[Sequence[Generation]]:
        for start in range(0, len(everything), self._max_at_once):
            # A batch is checked only when it is due, because some generations may have ended in the meantime.
            batch = [g for g in everything[start : start + self._max_at_once] if g.is_to_be_stored]
            if batch:
                yield batch

    async def _checkpoint(self, batch: Sequence[Generation]) -> bool:
        """Stores one batch; returns whether the storage is available."""
        try:
            if await self._store(batch):
                return True
            is_there = await self._store_one_by_one(batch)
        finally:
            for generation in batch:
                self._end_checkpoint(generation)
        self._cancel_overflowing()
        return is_there

    async def _store(self, batch: Sequence[Generation]) -> bool:
        started = self._clock.monotonic()
        parts = [generation.progress(started) for generation in batch]
        try:
            statuses = await self._storage.checkpoint(self._owner_id, parts)
        except Exception as error:  # noqa: BLE001 - see the docstring of checkpoint
            self._observer.failed("checkpointing", error)
            return False
        now = self._clock.monotonic()
        for generation, part, status in zip(batch, parts, statuses, strict=True):
            generation.confirm(part, status, now)
        return True

    async def _store_one_by_one(self, batch: Sequence[Generation]) -> bool:
        """Stores each generation separately, so that one that cannot be stored does not hold up the others.

        Returns:
            Whether the storage is available.
        """
        failures_in_a_row = 0
        for generation in batch:
            if failures_in_a_row == FAILURES_THAT_MEAN_OUTAGE:
                return False
            if not generation.is_to_be_stored:
                continue
            if await self._store([generation]):
                failures_in_a_row = 0
            else:
                generation.fail()
                failures_in_a_row += 1
        return True

    @staticmethod
    def _end_checkpoint(generation: Generation) -> None:
        generation.checkpoint_ended()
        if generation.cancel_reason is not None:
            # A task can swallow its cancellation; cancelling it again until it has ended costs nothing.
            generation.cancel(generation.cancel_reason)

    def _cancel_overflowing(self) -> None:
        for generation in self._runner.running:
            if generation.holds_more_than(MAX_UNSTORED_BYTES):
                generation.cancel(CancelReason.OVERFLOWED)
