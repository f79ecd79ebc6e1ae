"""Stores replies in memory while they are generated."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC
from math import inf

from attrs import evolve, frozen

from chatcore.conversations.conversation import Conversation, TitleSource
from chatcore.conversations.message import ConversationId, Message, MessageId, Role, Status
from chatcore.conversations.parts import bytes_of
from chatcore.errors import (
    GenerationInProgressError,
    IdempotencyKeyReusedError,
    NothingToRegenerateError,
    TooManyGenerationsError,
)
from chatcore.ports.clock import Clock
from chatcore.ports.new_reply import AcceptedTurn, NewRegeneration, NewReply, NewTurn
from chatcore.ports.replies import DeltaRead, DeltaReader
from chatcore.replies.lease import LEASE_SECONDS, FinalState, Lease, LeaseStatus, OwnerId, Progress
from chatcore.replies.orphans import OrphanedReply, ResumedReply, Resumption
from chatcore.user import UserId
from chatcore_memory.tables import GenerationRow, RecordedKey, Tables


@frozen
class ReplyRows:
    """Reads and writes the replies in the tables; each method does as the port says.

    Every method makes all checks before its first write, so that a refusal leaves no trace.
    """

    _tables: Tables
    #: The clock by which leases expire.
    _clock: Clock

    def begin(self, new: NewTurn | NewRegeneration) -> AcceptedTurn:
        """Begins a turn or a regeneration."""
        begun = self._begun_before(new)
        if begun is not None:
            return begun
        self._require_question(new)
        self._require_room(new)
        return self._append(new)

    def interrupt(
        self,
        new: NewTurn | NewRegeneration,
        running_id: MessageId,
        decide: Callable[[OrphanedReply], FinalState],
    ) -> AcceptedTurn:
        """Ends the reply `running_id` if it still runs, and begins a turn or a regeneration."""
        begun = self._begun_before(new)
        if begun is not None:
            return begun
        self._require_question(new)
        self._require_room(new, running_id)
        running = self._tables.generations.get((new.user_id, new.conversation_id))
        if running is not None:
            self._end(running, decide(running.orphan()))
        return self._append(new)

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
            self._end(generation, final_state)
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
            generation.lease_until = self._lease_until()
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
            self._end(generation, decided)
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

    def _begun_before(self, new: NewReply) -> AcceptedTurn | None:
        """Returns the turn if it is stored, under its key or its own ids."""
        known = self._known_turn(new)
        if known is not None:
            return known
        self._tables.conversation(new.user_id, new.conversation_id)
        is_stored = self._tables.has_message(new.user_id, new.conversation_id, new.reply_id)
        return self._accepted(new) if is_stored else None

    def _known_turn(self, new: NewReply) -> AcceptedTurn | None:
        """Returns the turn that the idempotency key was recorded for, or None if the key is new."""
        if new.idempotency_key is None:
            return None
        recorded = self._tables.keys.get((new.user_id, new.idempotency_key.key))
        if recorded is None:
            return None
        if recorded.fingerprint != new.idempotency_key.fingerprint:
            raise IdempotencyKeyReusedError
        if recorded.reply_id == new.reply_id:
            return self._accepted(new)
        key = (new.user_id, recorded.conversation_id)
        return AcceptedTurn(
            user_message=self._tables.message(*key, recorded.user_message_id),
            reply=self.get_message(*key, recorded.reply_id),
            lease=None,
            history=(),
        )

    def _require_room(self, new: NewReply, ending_id: MessageId | None = None) -> None:
        """Checks that the reply may begin once the reply `ending_id` has ended."""
        running = self._tables.generations.get((new.user_id, new.conversation_id))
        elsewhere = len(list(self._tables.generations_of(new.user_id))) - (running is not None)
        if elsewhere >= new.max_generations:
            raise TooManyGenerationsError(new.max_generations)
        if running is not None and running.lease.message_id != ending_id:
            raise GenerationInProgressError(new.conversation_id, running.lease.message_id)

    def _require_question(self, new: NewTurn | NewRegeneration) -> None:
        """Checks that a regeneration has a message to answer."""
        if isinstance(new, NewRegeneration) and self._last_question(new) is None:
            raise NothingToRegenerateError

    def _last_question(self, new: NewRegeneration) -> Message | None:
        path = self._tables.path(self._tables.conversation(new.user_id, new.conversation_id))
        return next((message for message in reversed(path) if message.role is Role.USER), None)

    def _append(self, new: NewTurn | NewRegeneration) -> AcceptedTurn:
        """Stores the messages of a turn or of a regeneration, its key and its generation."""
        new = evolve(new, now=new.now.astimezone(UTC))
        if isinstance(new, NewRegeneration):
            return self._append_version(new)
        conversation = self._tables.conversation(new.user_id, new.conversation_id)
        question = self._append_question(conversation, new)
        self._record_key(new, question)
        return self._begin_reply(new, question, return_head_id=new.reply_id)

    def _append_version(self, regeneration: NewRegeneration) -> AcceptedTurn:
        question = self._last_question(regeneration)
        assert question is not None  # noqa: S101 - `_require_question` has checked that
        self._record_key(regeneration, question)
        head = self._tables.path(self._tables.conversation(regeneration.user_id, regeneration.conversation_id))[-1]
        is_worth_returning_to = head.is_reply and bool(head.content or head.pieces)
        return self._begin_reply(
            regeneration, question, return_head_id=head.id if is_worth_returning_to else regeneration.reply_id
        )

    def _append_question(self, conversation: Conversation, turn: NewTurn) -> Message:
        messages = self._tables.messages[turn.user_id, turn.conversation_id]
        head = next(reversed(self._tables.path(conversation)), None)
        follows = head.parent_id if head is not None and head.status is Status.FAILED else conversation.head_id
        question = turn.user_message(follows=follows, position=len(messages) + 1, model_tag=conversation.model_tag)
        if turn.title is not None and conversation.title_source is TitleSource.DEFAULT:
            self._tables.store(evolve(conversation, title=turn.title, title_source=TitleSource.AUTO))
        messages.append(question)
        return question

    def _record_key(self, new: NewReply, question: Message) -> None:
        if new.idempotency_key is not None:
            self._tables.keys[new.user_id, new.idempotency_key.key] = RecordedKey(
                fingerprint=new.idempotency_key.fingerprint,
                conversation_id=new.conversation_id,
                user_message_id=question.id,
                reply_id=new.reply_id,
                recorded_at=self._clock.monotonic(),
            )

    def _begin_reply(self, new: NewReply, question: Message, *, return_head_id: MessageId) -> AcceptedTurn:
        conversation = self._tables.conversation(new.user_id, new.conversation_id)
        messages = self._tables.messages[new.user_id, new.conversation_id]
        reply = new.reply(answers=question.id, position=len(messages) + 1, model_tag=conversation.model_tag)
        messages.append(reply)
        self._tables.store(evolve(conversation, head_id=reply.id, updated_at=new.now))
        self._tables.generations[new.user_id, new.conversation_id] = GenerationRow(
            lease=new.lease(epoch=1),
            return_head_id=return_head_id,
            replaces=isinstance(new, NewRegeneration),
            request=new.request,
            lease_until=self._lease_until(),
        )
        return self._accepted(new)

    def _accepted(self, new: NewReply) -> AcceptedTurn:
        """Returns the turn that is stored for `new`, with the lease if its owner still holds it."""
        key = (new.user_id, new.conversation_id)
        reply = self.get_message(*key, new.reply_id)
        lease = self._lease_held(new)
        return AcceptedTurn(
            user_message=next(m for m in self._tables.messages[key] if m.id == reply.parent_id),
            reply=reply,
            lease=lease,
            history=() if lease is None else self._history(new),
            instructions=None if lease is None else self._tables.conversation(*key).instructions,
        )

    def _lease_held(self, new: NewReply) -> Lease | None:
        generation = self._tables.generations.get((new.user_id, new.conversation_id))
        held = None if generation is None else generation.lease
        return held if held is not None and held == new.lease(epoch=held.epoch) else None

    def _history(self, new: NewReply) -> tuple[Message, ...]:
        """Returns the newest messages of the active path, up to the message to be answered."""
        path = self._tables.path(self._tables.conversation(new.user_id, new.conversation_id))
        said = [message for message in path if message.id != new.reply_id]
        return tuple(said[-new.history_limit :])

    def _lease_until(self) -> float:
        return self._clock.monotonic() + LEASE_SECONDS

    def _checkpoint_one(self, owner_id: OwnerId, part: Progress) -> LeaseStatus:
        generation = self._tables.leased(part.lease)
        if generation is None or generation.lease.owner_id != owner_id:
            return LeaseStatus.LOST
        if part.text:
            generation.deltas.setdefault(part.start_offset, (part.text, part.token_count))
        generation.add_pieces(part.pieces)
        if part.renew:
            generation.lease_until = self._lease_until()
        return LeaseStatus.STOP_REQUESTED if generation.is_stop_requested else LeaseStatus.HELD

    def _cut(self, generation: GenerationRow, resumption: Resumption) -> None:
        """Lets the reply's next generation begin at a cut."""
        lease = generation.lease
        generation.number += 1
        generation.drop_after(resumption)
        message = self._tables.message(lease.user_id, lease.conversation_id, lease.message_id)
        self._tables.replace(evolve(message, cuts=(*message.cuts, resumption.cut)))

    def _end(self, generation: GenerationRow, final_state: FinalState) -> None:
        key = (generation.lease.user_id, generation.lease.conversation_id)
        message = self._tables.message(*key, generation.lease.message_id)
        conversation = self._tables.conversation(*key)
        if final_state.returns_head and conversation.head_id == message.id:
            conversation = evolve(conversation, head_id=generation.return_head_id)
        generation.add_pieces(final_state.pieces)
        if final_state.drops_pieces_from is not None:
            generation.drop_pieces(final_state.drops_pieces_from)
        self._tables.replace(evolve(_finished(message, final_state), pieces=tuple(generation.log.pieces)))
        self._tables.store(evolve(conversation, updated_at=final_state.ended_at.astimezone(UTC)))
        del self._tables.generations[key]

    def _has_final_state(self, lease: Lease, final_state: FinalState) -> bool:
        key = (lease.user_id, lease.conversation_id)
        if not self._tables.has_message(*key, lease.message_id):
            return False
        message = self._tables.message(*key, lease.message_id)
        is_same = (
            len(message.cuts) + 1 == final_state.generation and bytes_of(message.pieces) == final_state.pieces_bytes
        )
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
