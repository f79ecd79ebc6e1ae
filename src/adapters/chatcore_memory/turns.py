"""How a turn or a regeneration goes into the tables: all checks first, so that a refusal leaves no trace."""

from attrs import evolve, frozen

from chatcore.conversations.conversation import Conversation, TitleSource
from chatcore.conversations.message import Message, MessageId, Role
from chatcore.errors import (
    GenerationInProgressError,
    IdempotencyKeyReusedError,
    NothingToRegenerateError,
    TooManyGenerationsError,
)
from chatcore.ports import AcceptedTurn, NewRegeneration, NewReply, NewTurn
from chatcore.replies.lease import Lease
from chatcore_memory.tables import GenerationRow, RecordedKey, Tables


@frozen
class Turns:
    """Begins replies."""

    _tables: Tables

    def begin_turn(self, turn: NewTurn, *, lease_until: float) -> AcceptedTurn:
        """As the port says."""
        known = self._known_turn(turn)
        if known is not None:
            return known
        conversation = self._tables.conversation(turn.user_id, turn.conversation_id)
        if self._tables.has_message(turn.user_id, turn.conversation_id, turn.reply_id):
            return self._accepted(turn)
        self._require_room(turn)
        question = self._append_question(conversation, turn)
        self._record_key(turn)
        return self._begin_reply(turn, question, return_head_id=question.id, lease_until=lease_until)

    def begin_regeneration(self, regeneration: NewRegeneration, *, lease_until: float) -> AcceptedTurn:
        """As the port says."""
        conversation = self._tables.conversation(regeneration.user_id, regeneration.conversation_id)
        key = (regeneration.user_id, regeneration.conversation_id)
        if self._tables.has_message(*key, regeneration.reply_id):
            return self._accepted(regeneration)
        question = next((m for m in reversed(self._tables.path(conversation)) if m.role is Role.USER), None)
        if question is None:
            raise NothingToRegenerateError
        self._require_room(regeneration)
        return self._begin_reply(regeneration, question, return_head_id=conversation.head_id, lease_until=lease_until)

    def _known_turn(self, turn: NewTurn) -> AcceptedTurn | None:
        """The turn that the idempotency key was recorded for, if it was."""
        if turn.idempotency_key is None:
            return None
        recorded = self._tables.keys.get((turn.user_id, turn.idempotency_key.key))
        if recorded is None:
            return None
        if recorded.fingerprint != turn.idempotency_key.fingerprint:
            raise IdempotencyKeyReusedError
        if recorded.reply_id == turn.reply_id:
            return self._accepted(turn)
        key = (turn.user_id, recorded.conversation_id)
        return AcceptedTurn(
            user_message=self._tables.message(*key, recorded.user_message_id),
            reply=self._tables.message(*key, recorded.reply_id),
            lease=None,
            history=(),
        )

    def _require_room(self, new: NewReply) -> None:
        running = self._tables.generations.get((new.user_id, new.conversation_id))
        if running is not None:
            raise GenerationInProgressError(new.conversation_id, running.lease.message_id)
        if len(list(self._tables.generations_of(new.user_id))) >= new.max_generations:
            raise TooManyGenerationsError(new.max_generations)

    def _append_question(self, conversation: Conversation, turn: NewTurn) -> Message:
        messages = self._tables.messages[turn.user_id, turn.conversation_id]
        question = turn.user_message(follows=conversation.head_id, position=len(messages) + 1)
        if not messages and conversation.title_source is TitleSource.DEFAULT:
            self._tables.store(evolve(conversation, title=turn.title, title_source=TitleSource.AUTO))
        messages.append(question)
        return question

    def _record_key(self, turn: NewTurn) -> None:
        if turn.idempotency_key is not None:
            self._tables.keys[turn.user_id, turn.idempotency_key.key] = RecordedKey(
                fingerprint=turn.idempotency_key.fingerprint,
                conversation_id=turn.conversation_id,
                user_message_id=turn.user_message_id,
                reply_id=turn.reply_id,
                recorded_at=turn.now,
            )

    def _begin_reply(
        self, new: NewReply, question: Message, *, return_head_id: MessageId | None, lease_until: float
    ) -> AcceptedTurn:
        conversation = self._tables.conversation(new.user_id, new.conversation_id)
        messages = self._tables.messages[new.user_id, new.conversation_id]
        reply = new.reply(answers=question.id, position=len(messages) + 1, model_tag=conversation.model_tag)
        messages.append(reply)
        self._tables.store(evolve(conversation, head_id=reply.id, updated_at=new.now))
        self._tables.generations[new.user_id, new.conversation_id] = GenerationRow(
            lease=new.lease(epoch=1),
            return_head_id=return_head_id,
            replaces=isinstance(new, NewRegeneration),
            lease_until=lease_until,
        )
        return self._accepted(new)

    def _accepted(self, new: NewReply) -> AcceptedTurn:
        """What is stored for `new`, with the lease if its owner still holds it."""
        key = (new.user_id, new.conversation_id)
        reply = self._tables.message(*key, new.reply_id)
        lease = self._lease_held(new)
        return AcceptedTurn(
            user_message=next(m for m in self._tables.messages[key] if m.id == reply.parent_id),
            reply=reply,
            lease=lease,
            history=() if lease is None else self._history(new),
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
