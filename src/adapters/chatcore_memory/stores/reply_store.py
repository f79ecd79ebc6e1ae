"""Implements the port for replies in memory."""

from collections.abc import Callable, Collection, Sequence

from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.ports import AcceptedTurn, DeltaRead, DeltaReader, NewContinuation, NewRegeneration, NewTurn
from chatcore.ports.replies import ReplyStore
from chatcore.replies.lease import FinalState, Lease, LeaseStatus, OwnerId, Progress
from chatcore.replies.orphans import OrphanedReply, ResumedReply, Resumption
from chatcore.user import UserId
from chatcore_memory.rows import Rows


class InMemoryReplies(ReplyStore):
    """Stores replies in memory while they are generated."""

    _rows: Rows

    async def begin_turn(self, turn: NewTurn) -> AcceptedTurn:
        """Begins a turn, as the port says."""
        async with self._rows.transaction():
            return self._rows.beginnings.begin(turn)

    async def interrupt(
        self,
        new: NewTurn | NewRegeneration,
        running_id: MessageId,
        decide: Callable[[OrphanedReply], FinalState],
    ) -> AcceptedTurn:
        """Ends a running reply and begins another one, as the port says."""
        async with self._rows.transaction():
            return self._rows.beginnings.interrupt(new, running_id, decide)

    async def begin_regeneration(self, regeneration: NewRegeneration) -> AcceptedTurn:
        """Begins a regeneration, as the port says."""
        async with self._rows.transaction():
            return self._rows.beginnings.begin(regeneration)

    async def begin_continuation(self, continuation: NewContinuation) -> AcceptedTurn:
        """Begins a continuation, as the port says."""
        async with self._rows.transaction():
            return self._rows.continuations.begin(continuation)

    async def get_message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Returns one message, as the port says."""
        async with self._rows.transaction():
            return self._rows.replies.get_message(user_id, conversation_id, message_id)

    async def request_stop(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Asks the owner of a reply to stop, as the port says."""
        async with self._rows.transaction():
            return self._rows.replies.request_stop(user_id, conversation_id, message_id)

    async def checkpoint(self, owner_id: OwnerId, parts: Sequence[Progress]) -> Sequence[LeaseStatus]:
        """Stores new text and renews leases, as the port says."""
        async with self._rows.transaction():
            return self._rows.replies.checkpoint(owner_id, parts)

    async def finish(self, lease: Lease, final_state: FinalState) -> bool:
        """Writes the final state of a reply, as the port says."""
        async with self._rows.transaction():
            return self._rows.replies.finish(lease, final_state)

    async def claim_expired(
        self, owner_id: OwnerId, running: Collection[MessageId], limit: int, *, only_given_up: bool = False
    ) -> Sequence[Lease]:
        """Takes over replies whose lease has expired, as the port says."""
        async with self._rows.transaction():
            return self._rows.replies.claim_expired(owner_id, running, limit, only_given_up=only_given_up)

    async def recover(
        self, lease: Lease, decide: Callable[[OrphanedReply], FinalState | Resumption], *, history_limit: int = 1
    ) -> FinalState | ResumedReply | None:
        """Finishes or resumes an orphaned reply from its deltas, as the port says."""
        async with self._rows.transaction():
            return self._rows.replies.recover(lease, decide, history_limit)

    async def hand_over(self, part: Progress) -> bool:
        """Stores the last text of an owner and gives its lease up, as the port says."""
        async with self._rows.transaction():
            return self._rows.replies.hand_over(part)

    async def read_deltas(self, readers: Sequence[DeltaReader]) -> Sequence[DeltaRead]:
        """Returns the text that each reader is missing, as the port says."""
        async with self._rows.transaction():
            return self._rows.replies.read_deltas(readers)

    async def purge_idempotency_keys(self, age_seconds: float, limit: int) -> int:
        """Deletes old idempotency keys, as the port says."""
        async with self._rows.transaction():
            return self._rows.replies.purge_idempotency_keys(age_seconds, limit)

    async def ping(self) -> None:
        """Returns unless the storage fails, as the port says."""
        async with self._rows.transaction():
            pass
