"""Recovers orphaned replies, which are replies whose owner is gone.

Every process sweeps for orphaned replies. It claims each reply whose lease has expired or was given up, which fences
off the old owner, and goes on with the reply from what is stored of it, or ends it there.
"""

from collections.abc import Callable
from datetime import timedelta
from math import inf
from random import uniform

from attrs import evolve

from chatcore.conversations.history import MAX_HISTORY_MESSAGES, HistoryLimits, trim
from chatcore.ports import Clock, InferenceRequest, Observer, ReplyStore
from chatcore.replies.generation import Beginning
from chatcore.replies.generation_runner import GenerationRunner
from chatcore.replies.idempotency import KEPT_HOURS
from chatcore.replies.lease import RENEWAL_SECONDS, FinalState, Lease, OwnerId
from chatcore.replies.orphans import OrphanedReply, ResumedReply, Resumption
from chatcore.replies.outage import FAILURES_THAT_MEAN_OUTAGE
from chatcore.replies.rescue import RescuePolicy

#: The average time from one sweep to the next.
SWEEP_SECONDS = 1.0
#: The time between two looks for idempotency keys that have expired.
PURGE_SECONDS = 30.0
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
        policy: RescuePolicy,
        history_limits: HistoryLimits,
        jitter: Callable[[float, float], float] = uniform,
    ) -> None:
        self._runner = runner
        self._storage = storage
        self._clock = clock
        self._observer = observer
        self._owner_id = owner_id
        self._policy = policy
        self._history_limits = history_limits
        self._purged_at: float | None = None
        self._jitter = jitter
        # Until then, in monotonic seconds, an expired lease does not tell that its owner is gone.
        self._trusts_expiry_from = -inf

    async def run(self) -> None:
        """Sweeps until the task is cancelled."""
        # This process may have been started right after an outage of the storage.
        self._let_owners_renew()
        while True:
            await self._clock.sleep(SWEEP_SECONDS * self._jitter(1 - _JITTER, 1 + _JITTER))
            if not await self.sweep():
                await self._until_storage_is_back()
                self._let_owners_renew()

    def _let_owners_renew(self) -> None:
        """Leaves expired leases alone for RENEWAL_SECONDS; those that were given up are not concerned.

        No owner could renew a lease during an outage. Live owners renew theirs at their next checkpoint, and get the
        time to do so before their replies count as orphaned.
        """
        self._trusts_expiry_from = self._clock.monotonic() + RENEWAL_SECONDS

    async def _until_storage_is_back(self) -> None:
        while True:
            try:
                return await self._storage.ping()
            except Exception as error:  # noqa: BLE001 - after any error, sweeping must resume later
                self._observer.failed("sweeping", error)
            await self._clock.sleep(_PROBE_SECONDS)

    async def sweep(self) -> bool:
        """Sweeps once; returns False if the storage failed. The method never raises.

        A process that drains takes nothing over, since it could not keep it.
        """
        if self._runner.is_draining:
            return True
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
            leases = await self._storage.claim_expired(
                self._owner_id,
                self._runner.running_ids,
                _CLAIMS_AT_ONCE,
                only_given_up=self._clock.monotonic() < self._trusts_expiry_from,
            )
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
        history_limit = min(self._history_limits.max_messages, MAX_HISTORY_MESSAGES)
        recovered = await self._storage.recover(lease, self._decide, history_limit=history_limit)
        if isinstance(recovered, FinalState):
            self._observer.recovered(lease, recovered)
        elif recovered is not None:
            self._resume(recovered)

    def _decide(self, orphan: OrphanedReply) -> FinalState | Resumption:
        return self._policy.decide(orphan, now=self._clock.now())

    def _resume(self, resumed: ResumedReply) -> None:
        """Asks the model for the rest of a reply."""
        orphan, reply = resumed.orphan, resumed.reply
        request = orphan.request
        assert request is not None  # noqa: S101 - the policy resumes no reply without its request
        dropped = orphan.new_token_count if len(reply.content) == orphan.text_begins_at else 0
        sent = orphan.new_token_count - dropped
        self._observer.resumed(resumed.lease)
        self._runner.start(
            resumed.lease,
            InferenceRequest(
                messages=trim(resumed.history, self._history_limits, resumed.instructions),
                instructions=resumed.instructions,
                sampling=evolve(request.sampling, max_tokens=request.sampling.max_tokens - sent),
                model_tag=reply.model_tag,
                user_id=reply.user_id,
                trace_id=request.trace_id,
                so_far=reply.content,
            ),
            beginning=Beginning(
                log=reply.log,
                token_count=orphan.token_count - dropped,
                cuts=reply.cuts,
                replaces=orphan.replaces,
                prior=orphan.prior,
                prior_length=orphan.begins_at,
            ),
            # The frames of the whole reply are not there, and readers get its log.
            keeps_frames=False,
        )

    async def _purge(self) -> None:
        now = self._clock.monotonic()
        if self._purged_at is not None and now - self._purged_at < PURGE_SECONDS:
            return
        self._purged_at = now
        age_seconds = timedelta(hours=KEPT_HOURS).total_seconds()
        while await self._storage.purge_idempotency_keys(age_seconds, _PURGED_AT_ONCE) == _PURGED_AT_ONCE:
            pass
