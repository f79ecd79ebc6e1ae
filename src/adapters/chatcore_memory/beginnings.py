"""Begins turns and regenerations in memory."""

from collections.abc import Callable
from datetime import UTC

from attrs import evolve, frozen

from chatcore.conversations.changes import UNSET
from chatcore.conversations.conversation import Conversation, TitleSource, active_path
from chatcore.conversations.message import Message, MessageId, Role, Status
from chatcore.errors import NothingToRegenerateError
from chatcore.ports.new_reply import AcceptedTurn, NewRegeneration, NewReply, NewTurn
from chatcore.replies.lease import FinalState, Lease
from chatcore.replies.orphans import OrphanedReply
from chatcore_memory.replies import ReplyRows
from chatcore_memory.tables import GenerationRow, Tables


@frozen
class BeginningRows:
    """Begins replies in the tables; each method does as the port says.

    Every method makes all checks before its first write, so that a refusal leaves no trace.
    """

    _tables: Tables
    #: Ends the reply that a turn or a regeneration interrupts.
    _replies: ReplyRows

    def begin(self, new: NewTurn | NewRegeneration) -> AcceptedTurn:
        """Begins a turn or a regeneration."""
        begun = self._begun_before(new)
        if begun is not None:
            return begun
        self._require_place(new)
        self._tables.require_room(new)
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
        self._require_place(new)
        self._tables.require_room(new, running_id)
        running = self._tables.generations.get((new.user_id, new.conversation_id))
        if running is not None:
            self._replies.end(running, decide(running.orphan()))
        return self._append(new)

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
        recorded = self._tables.recorded_key(new)
        if recorded is None:
            return None
        if recorded.reply_id == new.reply_id:
            return self._accepted(new)
        key = (new.user_id, recorded.conversation_id)
        return AcceptedTurn(
            user_message=self._tables.message(*key, recorded.user_message_id),
            reply=self._replies.get_message(*key, recorded.reply_id),
            lease=None,
            history=(),
        )

    def _require_place(self, new: NewTurn | NewRegeneration) -> None:
        """Checks that a turn has the message that it is to follow, and a regeneration one to answer."""
        if isinstance(new, NewTurn):
            if new.parent_id is not UNSET and new.parent_id is not None:
                self._tables.require_message(new.user_id, new.conversation_id, new.parent_id, "parent_id")
            return
        if new.message_id is not None:
            self._tables.require_message(new.user_id, new.conversation_id, new.message_id, "message_id")
        if self._question(new) is None:
            raise NothingToRegenerateError

    def _question(self, new: NewRegeneration) -> Message | None:
        key = (new.user_id, new.conversation_id)
        end = new.message_id or self._tables.conversation(*key).head_id
        path = active_path(self._tables.messages[key], end)
        return next((message for message in reversed(path) if message.role is Role.USER), None)

    def _append(self, new: NewTurn | NewRegeneration) -> AcceptedTurn:
        """Stores the messages of a turn or of a regeneration, its key and its generation."""
        new = evolve(new, now=new.now.astimezone(UTC))
        if isinstance(new, NewRegeneration):
            return self._append_version(new)
        conversation = self._tables.conversation(new.user_id, new.conversation_id)
        question = self._append_question(conversation, new)
        self._tables.record_key(new, question.id)
        return self._begin_reply(new, question, return_head_id=new.reply_id)

    def _append_version(self, regeneration: NewRegeneration) -> AcceptedTurn:
        question = self._question(regeneration)
        assert question is not None  # noqa: S101 - `_require_place` has checked that
        self._tables.record_key(regeneration, question.id)
        head = self._tables.path(self._tables.conversation(regeneration.user_id, regeneration.conversation_id))[-1]
        is_beside_it = head.parent_id == question.id and not (head.content or head.pieces)
        is_worth_returning_to = head.id != question.id and not is_beside_it
        return self._begin_reply(
            regeneration, question, return_head_id=head.id if is_worth_returning_to else regeneration.reply_id
        )

    def _append_question(self, conversation: Conversation, turn: NewTurn) -> Message:
        question = turn.user_message(
            follows=self._followed_by(conversation, turn),
            position=self._tables.next_position(turn.user_id, turn.conversation_id),
            model_tag=conversation.model_tag,
        )
        if turn.title is not None and conversation.title_source is TitleSource.DEFAULT:
            self._tables.store(evolve(conversation, title=turn.title, title_source=TitleSource.AUTO))
        self._tables.append(question)
        return question

    def _followed_by(self, conversation: Conversation, turn: NewTurn) -> MessageId | None:
        parent_id = conversation.head_id if turn.parent_id is UNSET else turn.parent_id
        if parent_id is None:
            return None
        parent = self._tables.message(turn.user_id, turn.conversation_id, parent_id)
        return parent.parent_id if parent.status is Status.FAILED else parent_id

    def _begin_reply(self, new: NewReply, question: Message, *, return_head_id: MessageId) -> AcceptedTurn:
        conversation = self._tables.conversation(new.user_id, new.conversation_id)
        reply = new.reply(
            answers=question.id,
            position=self._tables.next_position(new.user_id, new.conversation_id),
            model_tag=conversation.model_tag,
        )
        self._tables.append(reply)
        self._tables.store(evolve(conversation, head_id=reply.id, updated_at=new.now, is_archived=False))
        self._tables.generations[new.user_id, new.conversation_id] = GenerationRow(
            lease=new.lease(epoch=1),
            return_head_id=return_head_id,
            replaces=isinstance(new, NewRegeneration),
            request=new.request,
            lease_until=self._tables.lease_until(),
        )
        return self._accepted(new)

    def _accepted(self, new: NewReply) -> AcceptedTurn:
        """Returns the turn that is stored for `new`, with the lease if its owner still holds it."""
        key = (new.user_id, new.conversation_id)
        reply = self._replies.get_message(*key, new.reply_id)
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
        """Returns the newest messages of the path, up to the message to be answered."""
        *said, _ = self._tables.path_to(new.user_id, new.conversation_id, new.reply_id)
        return tuple(said[-new.history_limit :])
