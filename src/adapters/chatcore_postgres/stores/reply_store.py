"""Implements the port for replies on PostgreSQL."""

from collections.abc import Callable, Collection, Sequence

from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.ports import AcceptedTurn, DeltaRead, DeltaReader, NewContinuation, NewRegeneration, NewTurn
from chatcore.ports.replies import ReplyStore
from chatcore.replies.lease import FinalState, Lease, LeaseStatus, OwnerId, Progress
from chatcore.replies.orphans import OrphanedReply, ResumedReply, Resumption
from chatcore.user import UserId
from chatcore_postgres import health
from chatcore_postgres.pools import Pools
from chatcore_postgres.replies import idempotency_keys
from chatcore_postgres.replies.begin_continuation import begin_continuation
from chatcore_postgres.replies.begin_regeneration import begin_regeneration
from chatcore_postgres.replies.begin_turn import begin_turn
from chatcore_postgres.replies.checkpoint import checkpoint
from chatcore_postgres.replies.deltas import read_deltas
from chatcore_postgres.replies.finish import finish
from chatcore_postgres.replies.hand_over import hand_over
from chatcore_postgres.replies.interrupt import interrupt
from chatcore_postgres.replies.messages import get_message, request_stop
from chatcore_postgres.replies.orphans import claim_expired, recover


class PostgresReplies(ReplyStore):
    """Stores replies in PostgreSQL while they are generated."""

    _pools: Pools

    async def begin_turn(self, turn: NewTurn) -> AcceptedTurn:
        """Begins a turn, as the port says."""
        return await begin_turn(self._pools.requests, turn)

    async def interrupt(
        self,
        new: NewTurn | NewRegeneration,
        running_id: MessageId,
        decide: Callable[[OrphanedReply], FinalState],
    ) -> AcceptedTurn:
        """Ends a running reply and begins another one, as the port says."""
        return await interrupt(self._pools.requests, new, running_id, decide)

    async def begin_regeneration(self, regeneration: NewRegeneration) -> AcceptedTurn:
        """Begins a regeneration, as the port says."""
        return await begin_regeneration(self._pools.requests, regeneration)

    async def begin_continuation(self, continuation: NewContinuation) -> AcceptedTurn:
        """Begins a continuation, as the port says."""
        return await begin_continuation(self._pools.requests, continuation)

    async def get_message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Returns one message, as the port says."""
        return await get_message(self._pools.requests, user_id, conversation_id, message_id)

    async def request_stop(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Asks the owner of a reply to stop, as the port says."""
        return await request_stop(self._pools.requests, user_id, conversation_id, message_id)

    async def checkpoint(self, owner_id: OwnerId, parts: Sequence[Progress]) -> Sequence[LeaseStatus]:
        """Stores new text and renews leases, as the port says."""
        return await checkpoint(self._pools.background, owner_id, parts)

    async def finish(self, lease: Lease, final_state: FinalState) -> bool:
        """Writes the final state of a reply, as the port says."""
        return await finish(self._pools.endings, lease, final_state)

    async def claim_expired(
        self, owner_id: OwnerId, running: Collection[MessageId], limit: int, *, only_given_up: bool = False
    ) -> Sequence[Lease]:
        """Takes over replies whose lease has expired, as the port says."""
        return await claim_expired(self._pools.endings, owner_id, running, limit, only_given_up=only_given_up)

    async def recover(
        self, lease: Lease, decide: Callable[[OrphanedReply], FinalState | Resumption], *, history_limit: int = 1
    ) -> FinalState | ResumedReply | None:
        """Finishes or resumes an orphaned reply from its deltas, as the port says."""
        return await recover(self._pools.endings, lease, decide, history_limit)

    async def hand_over(self, part: Progress) -> bool:
        """Stores the last text of an owner and gives its lease up, as the port says."""
        return await hand_over(self._pools.endings, part)

    async def read_deltas(self, readers: Sequence[DeltaReader]) -> Sequence[DeltaRead]:
        """Returns the text that each reader is missing, as the port says."""
        return await read_deltas(self._pools.background, readers)

    async def purge_idempotency_keys(self, age_seconds: float, limit: int) -> int:
        """Deletes old idempotency keys, as the port says."""
        return await idempotency_keys.purge(self._pools.background, age_seconds, limit)

    async def ping(self) -> None:
        """Returns when the database answers, as the port says."""
        await health.ping(self._pools.background)
