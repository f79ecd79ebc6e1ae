"""Stores replies in memory while they are generated, and ends them."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC
from math import inf

from attrs import evolve, frozen

from chatcore.conversations.log import bytes_of
from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.ports.clock import Clock
from chatcore.ports.replies import DeltaRead, DeltaReader
from chatcore.replies.lease import FinalState, Lease, LeaseStatus, OwnerId, Progress
from chatcore.replies.orphans import OrphanedReply, ResumedReply, Resumption
from chatcore.user import UserId
from chatcore_memory.tables import GenerationRow, Tables


@frozen
class ReplyRows:
    """Reads and writes the replies in the tables; each method does as the port says, unless it says otherwise."""

    _tables: Tables
    #: The clock by which leases expire.
    _clock: Clock

    def get_message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Returns one message."""
        return self._tables.with_stored_text(self._tables.message(user_id, conversation_id, message_id))

    def request_stop(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Asks the owner of a reply to stop."""
        message = self.get_message(user_id, conversation_id, message_id)
        generation = self._tables.generations.get((user_id, conversation_id))
        if generation is not None and generation.lease.message_id == message_id:
            generation.is_stop_requested = True
        return message

    def checkpoint(self, owner_id: OwnerId, parts: Sequence[Progress]) -> Sequence[LeaseStatus]:
        """Stores new text and renews leases."""
        return [self._checkpoint_one(owner_id, part) for part in parts]

    def finish(self, lease: Lease, final_state: FinalState) -> bool:
        """Writes the final state of a reply."""
        generation = self._tables.leased(lease)
        if generation is not None:
            self.end(generation, final_state)
            return True
        return self._has_final_state(lease, final_state)

    def claim_expired(
        self, owner_id: OwnerId, running: Collection[MessageId], limit: int, *, only_given_up: bool
    ) -> Sequence[Lease]:
        """Takes over replies whose lease has expired."""
        before = -inf if only_given_up else self._clock.monotonic()
        expired = [
            generation
            for generation in self._tables.generations.values()
            if generation.lease_until <= before
            and (generation.lease.owner_id != owner_id or generation.lease.message_id not in running)
        ]
        for generation in expired[:limit]:
            generation.lease = evolve(generation.lease, owner_id=owner_id, epoch=generation.lease.epoch + 1)
            generation.expired_leases += generation.lease_until > -inf
            generation.lease_until = self._tables.lease_until()
        return [generation.lease for generation in expired[:limit]]

    def recover(
        self, lease: Lease, decide: Callable[[OrphanedReply], FinalState | Resumption], history_limit: int
    ) -> FinalState | ResumedReply | None:
        """Finishes or resumes a reply from its deltas."""
        generation = self._tables.leased(lease)
        if generation is None:
            return None
        orphan = generation.orphan()
        decided = decide(orphan)
        if isinstance(decided, FinalState):
            self.end(generation, decided)
            return decided
        self._cut(generation, decided)
        *history, reply = self._tables.path_to(lease.user_id, lease.conversation_id, lease.message_id)
        return ResumedReply(
            lease=lease,
            orphan=orphan,
            reply=reply,
            history=tuple(history[-history_limit:]),
            instructions=self._tables.conversation(lease.user_id, lease.conversation_id).instructions,
        )

    def hand_over(self, part: Progress) -> bool:
        """Stores the last text of an owner and gives its lease up."""
        if self._checkpoint_one(part.lease.owner_id, part) is LeaseStatus.LOST:
            return False
        self._tables.generations[part.lease.user_id, part.lease.conversation_id].lease_until = -inf
        return True

    def read_deltas(self, readers: Sequence[DeltaReader]) -> Sequence[DeltaRead]:
        """Returns the text that each reader is missing."""
        return [self._read_one(reader) for reader in readers]

    def purge_idempotency_keys(self, age_seconds: float, limit: int) -> int:
        """Deletes old keys."""
        latest = self._clock.monotonic() - age_seconds
        old = [key for key, recorded in self._tables.keys.items() if recorded.recorded_at <= latest][:limit]
        for key in old:
            del self._tables.keys[key]
        return len(old)

    def end(self, generation: GenerationRow, final_state: FinalState) -> None:
        """Writes the final state of a running reply, whoever owns it."""
        key = (generation.lease.user_id, generation.lease.conversation_id)
        message = self._tables.message(*key, generation.lease.message_id)
        conversation = self._tables.conversation(*key)
        if final_state.returns_head and conversation.head_id == message.id:
            conversation = evolve(conversation, head_id=generation.return_head_id)
        generation.add_pieces(final_state.pieces)
        if final_state.drops_pieces_from is not None:
            generation.drop_pieces(final_state.drops_pieces_from)
        self._tables.replace(evolve(_finished(message, final_state), pieces=tuple(generation.log.pieces)))
        if final_state.usage is not None:
            self._tables.usages[message.user_id, message.id] = final_state.usage
        self._tables.store(evolve(conversation, updated_at=final_state.ended_at.astimezone(UTC)))
        del self._tables.generations[key]

    def _checkpoint_one(self, owner_id: OwnerId, part: Progress) -> LeaseStatus:
        generation = self._tables.leased(part.lease)
        if generation is None or generation.lease.owner_id != owner_id:
            return LeaseStatus.LOST
        if part.text:
            generation.deltas.setdefault(part.start_offset, (part.text, part.token_count))
        generation.add_pieces(part.pieces)
        if part.renew:
            generation.lease_until = self._tables.lease_until()
        return LeaseStatus.STOP_REQUESTED if generation.is_stop_requested else LeaseStatus.HELD

    def _cut(self, generation: GenerationRow, resumption: Resumption) -> None:
        """Lets the reply's next generation begin at a cut."""
        lease = generation.lease
        generation.number += 1
        generation.drop_after(resumption)
        message = self._tables.message(lease.user_id, lease.conversation_id, lease.message_id)
        self._tables.replace(evolve(message, cuts=(*message.cuts, resumption.cut)))

    def _has_final_state(self, lease: Lease, final_state: FinalState) -> bool:
        key = (lease.user_id, lease.conversation_id)
        if not self._tables.has_message(*key, lease.message_id):
            return False
        message = self._tables.message(*key, lease.message_id)
        is_same = message.generation == final_state.generation and bytes_of(message.pieces) == final_state.pieces_bytes
        return is_same and message == _finished(message, final_state)

    def _read_one(self, reader: DeltaReader) -> DeltaRead:
        generation = self._tables.generations.get((reader.user_id, reader.conversation_id))
        if generation is None or generation.lease.message_id != reader.message_id:
            return DeltaRead((), 0, is_live=False)
        log = generation.log
        stretches = tuple(log.stretches(reader.position, reader.room))
        end = stretches[-1].end_offset if stretches else min(log.length, reader.position)
        return DeltaRead(stretches, end, is_live=True, generation=generation.number)


def _finished(message: Message, final_state: FinalState) -> Message:
    return evolve(
        message,
        status=final_state.status,
        content=final_state.content,
        error=final_state.error,
        token_count=final_state.token_count,
        inference_time_ms=final_state.inference_time_ms,
        finish_reason=final_state.finish_reason,
    )
