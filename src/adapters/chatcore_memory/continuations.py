"""Continues replies in memory."""

from attrs import evolve, frozen

from chatcore.conversations.message import FinishReason, Message, Status
from chatcore.errors import MessageNotFoundError, NotContinuableError
from chatcore.ports.new_reply import AcceptedTurn, NewContinuation
from chatcore.replies.lease import Lease
from chatcore.replies.orphans import PriorState
from chatcore_memory.tables import GenerationRow, Tables

# Leases of a continuation have epochs far above those of all earlier leases.
_EPOCHS = 1000


@frozen
class ContinuationRows:
    """Lets replies in the tables go on, as the port says."""

    _tables: Tables

    def begin(self, new: NewContinuation) -> AcceptedTurn:
        """Begins a continuation; all checks come before the first write."""
        recorded = self._tables.recorded_key(new)
        running = self._tables.generations.get((new.user_id, new.conversation_id))
        if running is not None and (running.lease.message_id, running.request) == (new.reply_id, new.request):
            return self._repeated(new, running)
        if recorded is not None:
            *_, question, reply = self._tables.path_to(new.user_id, recorded.conversation_id, recorded.reply_id)
            return AcceptedTurn(
                user_message=question, reply=reply, lease=None, history=(), begins_at=recorded.begins_at
            )
        reply = self._tables.message(new.user_id, new.conversation_id, new.reply_id)
        if not reply.is_reply:
            raise MessageNotFoundError
        self._tables.require_room(new)
        self._require_continuable(reply)
        return self._continue(new, reply)

    def _require_continuable(self, reply: Message) -> None:
        has_more = reply.status in {Status.INTERRUPTED, Status.STOPPED} or reply.finish_reason is FinishReason.LENGTH
        messages = self._tables.messages[reply.user_id, reply.conversation_id]
        if not has_more or any(message.parent_id == reply.id for message in messages):
            raise NotContinuableError

    def _continue(self, new: NewContinuation, reply: Message) -> AcceptedTurn:
        conversation = self._tables.conversation(new.user_id, new.conversation_id)
        assert conversation.head_id is not None  # noqa: S101 - a conversation with a reply has a head
        number = reply.generation + 1
        prior = PriorState(
            status=reply.status,
            error=reply.error,
            token_count=reply.token_count or 0,
            inference_time_ms=reply.inference_time_ms or 0,
            finish_reason=reply.finish_reason,
        )
        generation = self._tables.generations[new.user_id, new.conversation_id] = GenerationRow(
            lease=new.lease(epoch=number * _EPOCHS),
            return_head_id=conversation.head_id,
            replaces=False,
            lease_until=self._tables.lease_until(),
            request=new.request,
            number=number,
            begins_at=reply.log_length,
            prior=prior,
            deltas={0: (reply.content, prior.token_count)} if reply.content else {},
            pieces={piece.position: piece for piece in reply.pieces},
        )
        self._tables.replace(new.continued(reply))
        self._tables.store(evolve(conversation, head_id=reply.id, updated_at=new.now, is_archived=False))
        begun = self._accepted(new, generation, generation.lease)
        self._tables.record_key(new, begun.user_message.id, begins_at=begun.begins_at)
        return begun

    def _repeated(self, new: NewContinuation, running: GenerationRow) -> AcceptedTurn:
        """Returns the continuation that is stored already, with the lease if its owner still holds it."""
        lease = running.lease if running.lease.owner_id == new.owner_id else None
        return self._accepted(new, running, lease)

    def _accepted(self, new: NewContinuation, generation: GenerationRow, lease: Lease | None) -> AcceptedTurn:
        *history, reply = self._tables.path_to(new.user_id, new.conversation_id, new.reply_id)
        return AcceptedTurn(
            user_message=history[-1],
            reply=reply,
            lease=lease,
            history=() if lease is None else tuple(history[-new.history_limit :]),
            instructions=None
            if lease is None
            else self._tables.conversation(new.user_id, new.conversation_id).instructions,
            begins_at=generation.begins_at,
            prior=None if lease is None else generation.prior,
        )
