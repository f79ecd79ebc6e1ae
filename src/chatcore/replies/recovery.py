"""Recovers orphaned replies, which are replies whose owner is gone.

Every sweep of every process looks for them, see :mod:`chatcore.pending_work`. The process claims each reply whose lease
has expired or was given up, which fences off the old owner, and goes on with the reply from what is stored of it, or
ends it there.
"""

from math import inf

from attrs import evolve

from chatcore.conversations.history import MAX_HISTORY_MESSAGES, HistoryLimits, trim
from chatcore.ports import Clock, InferenceRequest, Observer, ReplyStore
from chatcore.replies.generation import Beginning
from chatcore.replies.generation_runner import GenerationRunner
from chatcore.replies.lease import RENEWAL_SECONDS, FinalState, Lease, OwnerId
from chatcore.replies.orphans import OrphanedReply, ResumedReply, Resumption
from chatcore.replies.outage import FAILURES_THAT_MEAN_OUTAGE
from chatcore.replies.rescue import RescuePolicy

_CLAIMS_AT_ONCE = 100


class OrphanRecovery:
    """Takes over orphaned replies."""

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
    ) -> None:
        self._runner = runner
        self._storage = storage
        self._clock = clock
        self._observer = observer
        self._owner_id = owner_id
        self._policy = policy
        self._history_limits = history_limits
        # Until then, in monotonic seconds, an expired lease does not tell that its owner is gone.
        self._trusts_expiry_from = -inf

    def let_owners_renew(self) -> None:
        """Leaves expired leases alone for RENEWAL_SECONDS; those that were given up are not concerned.

        No owner could renew a lease during an outage. Live owners renew theirs at their next checkpoint, and get the
        time to do so before their replies count as orphaned.
        """
        self._trusts_expiry_from = self._clock.monotonic() + RENEWAL_SECONDS

    async def recover_all(self) -> None:
        """Takes over every orphaned reply, and finishes it or goes on with it.

        Raises:
            Exception: a reply could not be recovered; the others are, unless so many fail that this means an outage.
        """
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
