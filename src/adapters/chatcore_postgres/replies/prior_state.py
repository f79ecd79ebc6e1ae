"""Reads the state of a reply before its continuation, which the generation keeps as JSON."""

import json

from chatcore.conversations.message import FinishReason, Status
from chatcore.replies.orphans import PriorState
from chatcore.reply_error import ReplyError


def to_prior_state(restores: str | None) -> PriorState | None:
    """Returns the state in the column `restores` of a generation; None if the generation continues no reply."""
    if restores is None:
        return None
    values = json.loads(restores)
    error, finish_reason = values["error"], values["finish_reason"]
    return PriorState(
        status=Status(values["status"]),
        error=None if error is None else ReplyError(error),
        token_count=values["token_count"],
        inference_time_ms=values["inference_time_ms"],
        finish_reason=None if finish_reason is None else FinishReason(finish_reason),
        usage=values["usage"],
    )
