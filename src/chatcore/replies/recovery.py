"""Recovers orphaned replies, which are replies whose owner is gone.

Every process sweeps for orphaned replies. It claims each reply whose lease has expired, which fences off the old owner,
and finishes the reply with the text that its checkpoints have stored.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import uniform

from chatcore.conversations.message import Status
from chatcore.ports import Clock, Observer, ReplyStore
from chatcore.replies.generation import broken_off, returns_head
from chatcore.replies.generation_runner import GenerationRunner
from chatcore.replies.idempotency import KEPT_HOURS
from chatcore.replies.lease import RENEWAL_SECONDS, FinalState, Lease, OwnerId
from chatcore.replies.orphans import OrphanedReply
from chatcore.replies.outage import FAILURES_THAT_MEAN_OUTAGE
from chatcore.reply_error import ReplyError

#: The average time from one sweep to the next.
SWEEP_SECONDS = 5.0
# The jitter spreads the sweeps of processes that were started together.
_JITTER = 0.2
# Recovery waits this long between two checks whether the storage is available again.
_PROBE_SECONDS = 1.0
_CLAIMS_AT_ONCE = 100
_PURGED_AT_ONCE = 1000


class OrphanRecovery:
    """Sweeps for orphaned replies, and for idempotency keys that have expired."""

    def __init__(
        self,
        runner: GenerationRunner,
        *,
        storage: ReplyStore,
        clock: Clock,
        observer: Observer,
        owner_id: OwnerId,
        jitter: Callable[[float, float], float] = uniform,
    ) -> None:
        self._runner = runner
        self._storage = storage
        self._clock = clock
        self._observer = observer
        self._owner_id = owner_id
        self._jitter = jitter

    async def run(self) -> None:
        """Sweeps until the task is cancelled."""
        # The first sweep waits: this process may have been started during an outage of the storage; see below.
        await self._clock.sleep(RENEWAL_SECONDS * self._jitter(1 - _JITTER, 1 + _JITTER))
        while True:
            pause = SWEEP_SECONDS
            if not await self.sweep():
                await self._until_storage_is_back()
                # No owner could renew a lease during the outage. Live owners renew theirs at their next checkpoint, and
                # get the time to do so before their replies count as orphaned.
                pause = RENEWAL_SECONDS
            await self._clock.sleep(pause * self._jitter(1 - _JITTER, 1 + _JITTER))

    async def _until_storage_is_back(self) -> None:
        while True:
            try:
                return await self._storage.ping()
            except Exception as error:  # noqa: BLE001 - after any error, sweeping must resume later
                self._observer.failed("sweeping", error)
            await self._clock.sleep(_PROBE_SECONDS)

    async def sweep(self) -> bool:
        """Sweeps once; returns False if the storage failed. The method never raises."""
        try:
            await self._recover_all()
            await self._purge()
        except Exception as error:  # noqa: BLE001 - the next sweep retries
            self._observer.failed("sweeping", error)
            return False
        return True

    async def _recover_all(self) -> None:
        claimed = _CLAIMS_AT_ONCE
        while claimed == _CLAIMS_AT_ONCE:
            leases = await self._storage.claim_expired(self._owner_id, self._runner.running_ids, _CLAIMS_AT_ONCE)
            failures: list[Exception] = []
            for lease in leases:
                try:
                    await self._recover(lease)
                except Exception as error:
                    failures.append(error)
                    if len(failures) == FAILURES_THAT_MEAN_OUTAGE:
                        raise
            if failures:
                raise failures[0]
            claimed = len(leases)

    async def _recover(self, lease: Lease) -> None:
        recovered = await self._storage.recover(lease, self._decide)
        if isinstance(recovered, FinalState):
            self._observer.recovered(lease, recovered)

    def _decide(self, orphan: OrphanedReply) -> FinalState:
        return final_state_of_orphan(orphan, now=self._clock.now())

    async def _purge(self) -> None:
        age_seconds = timedelta(hours=KEPT_HOURS).total_seconds()
        while await self._storage.purge_idempotency_keys(age_seconds, _PURGED_AT_ONCE) == _PURGED_AT_ONCE:
            pass


def final_state_of_orphan(orphan: OrphanedReply, *, now: datetime) -> FinalState:
    """Returns the final state of a reply that its owner did not finish."""
    # The owner could not act on the stop request any more, but the user must find the reply stopped.
    status = Status.STOPPED if orphan.stop_requested else broken_off(has_text=bool(orphan.text))
    return FinalState(
        status=status,
        content=orphan.text,
        error=ReplyError.STOPPED if orphan.stop_requested else ReplyError.INFERENCE_INTERRUPTED,
        token_count=orphan.token_count,
        inference_time_ms=0,
        returns_head=returns_head(status, orphan.text, replaces=orphan.replaces),
        ended_at=now,
    )
