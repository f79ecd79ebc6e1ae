"""Decides what becomes of a reply whose owner is gone."""

from datetime import datetime
from enum import StrEnum

from attrs import evolve, frozen

from chatcore.conversations.log import Log, bytes_of, shows_data
from chatcore.conversations.message import FinishReason, Status
from chatcore.replies.generation import CancelReason, Generation
from chatcore.replies.lease import FinalState
from chatcore.replies.orphans import OrphanedReply, Resumption
from chatcore.replies.outcomes import broken_off, restored, returns_head
from chatcore.reply_error import ReplyError

#: How many leases of one reply may expire. What ends the process of a reply must not travel from one to the next.
MAX_EXPIRED_LEASES = 2


class Rescue(StrEnum):
    """Names what becomes of a reply whose process died or drains."""

    #: The model goes on from the text that is stored, if the inference service can do that; else as INTERRUPT.
    CONTINUE = "continue"
    #: The text is dropped, and the model begins again.
    RESTART = "restart"
    #: The reply ends with the text that is stored.
    INTERRUPT = "interrupt"


@frozen(kw_only=True)
class RescuePolicy:
    """Decides whether a reply goes on after its owner is gone, and from where."""

    rescue: Rescue
    #: Whether the inference service can go on from its own text.
    can_continue: bool

    def hands_over(self, generation: Generation) -> bool:
        """Returns whether another process goes on with a generation that has ended here without its closing frame."""
        if generation.cancel_reason is not CancelReason.DRAINED or generation.transcript.is_closed:
            return False
        if self.rescue is Rescue.RESTART:
            return generation.beginning.prior is None or self.can_continue
        return self.rescue is Rescue.CONTINUE and self.can_continue

    def decide(self, orphan: OrphanedReply, *, now: datetime) -> FinalState | Resumption:
        """Returns the final state of an orphaned reply, or where its next generation begins."""
        request = orphan.request
        if orphan.stop_requested or request is None or orphan.expired_leases >= MAX_EXPIRED_LEASES:
            return final_state_of_orphan(orphan, now=now)
        if self.rescue is Rescue.RESTART and (orphan.begins_at == 0 or self.can_continue):
            return Resumption(orphan.begins_at, orphan.text_begins_at)
        if self.rescue is not Rescue.CONTINUE or not self.can_continue:
            return final_state_of_orphan(orphan, now=now)
        if orphan.new_token_count >= request.sampling.max_tokens:
            return _all_tokens_sent(orphan, now=now)
        # What the model thought after its last text cannot be given back to it, so the model thinks again.
        return Resumption(max(orphan.end_of_text, orphan.begins_at), len(orphan.text))


def final_state_of_orphan(orphan: OrphanedReply, *, now: datetime) -> FinalState:
    """Returns the final state of a reply that ends with the text that is stored."""
    if orphan.prior is not None and not orphan.has_new_text:
        return restored(orphan.prior, Log(orphan.text, orphan.pieces), orphan.begins_at, now=now)
    # The owner could not act on the stop request any more, but the user must find the reply stopped.
    status = Status.STOPPED if orphan.stop_requested else broken_off(has_text=bool(orphan.text))
    error = ReplyError.STOPPED if orphan.stop_requested else ReplyError.INFERENCE_INTERRUPTED
    return _ended(orphan, status, error, now=now)


def _all_tokens_sent(orphan: OrphanedReply, *, now: datetime) -> FinalState:
    """Returns the final state of a reply whose model has sent all tokens that it was asked for."""
    return evolve(_ended(orphan, Status.COMPLETE, None, now=now), finish_reason=FinishReason.LENGTH)


def _ended(orphan: OrphanedReply, status: Status, error: ReplyError | None, *, now: datetime) -> FinalState:
    return FinalState(
        status=status,
        content=orphan.text,
        error=error,
        token_count=orphan.token_count,
        inference_time_ms=0,
        returns_head=returns_head(status, orphan.text, shows_data=shows_data(orphan.pieces), replaces=orphan.replaces),
        ended_at=now,
        pieces_bytes=bytes_of(orphan.pieces),
    )
