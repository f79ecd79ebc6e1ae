"""Decides how a reply has ended, for its owner and for the process that finds it without an owner."""

from datetime import datetime

from chatcore.conversations.log import Log, bytes_of
from chatcore.conversations.message import Status
from chatcore.replies.lease import FinalState
from chatcore.replies.orphans import PriorState
from chatcore.text import has_visible_text


def restored(prior: PriorState, log: Log, prior_length: int, *, now: datetime) -> FinalState:
    """Returns the final state of a reply that was continued and got no new text: everything is as it was before.

    Args:
        prior: the final state before the continuation.
        log: the log of the reply.
        prior_length: the length of the log before the continuation; what follows is not text, and is dropped.
        now: the present instant.
    """
    kept = [piece for piece in log.pieces if piece.position < prior_length]
    return FinalState(
        status=prior.status,
        content=log.text,
        error=prior.error,
        token_count=prior.token_count,
        inference_time_ms=prior.inference_time_ms,
        returns_head=True,
        ended_at=now,
        finish_reason=prior.finish_reason,
        usage=prior.usage,
        pieces_bytes=bytes_of(kept),
        drops_pieces_from=prior_length if len(kept) < len(log.pieces) else None,
    )


def broken_off(*, has_text: bool) -> Status:
    """Returns the status of a reply whose closing frame never arrived."""
    return Status.INTERRUPTED if has_text else Status.FAILED


def returns_head(status: Status, text: str, *, shows_data: bool, replaces: bool) -> bool:
    """Returns whether the conversation's head moves back from the reply to the earlier reply.

    A regenerated reply takes the place of the earlier reply only if the new one is complete or stopped by its user, and
    has something to see: visible text or a data part. The reply of a turn has no earlier reply to move back to.
    """
    takes_place = status in {Status.COMPLETE, Status.STOPPED} and (shows_data or has_visible_text(text))
    return replaces and not takes_place
