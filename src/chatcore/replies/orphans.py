"""Describes a reply whose owner is gone, and what becomes of it."""

from attrs import frozen

from chatcore.conversations.message import FinishReason, Message, Status
from chatcore.replies.generation_request import GenerationRequest
from chatcore.replies.lease import Lease
from chatcore.reply_error import ReplyError


@frozen(kw_only=True)
class PriorState:
    """Holds the final state that a reply had before it was continued; its text is the beginning of the reply's text."""

    status: Status
    error: ReplyError | None
    token_count: int
    inference_time_ms: int
    finish_reason: FinishReason | None = None
    #: What the reply cost, in the JSON of the model.
    usage: str | None = None


@frozen(kw_only=True)
class OrphanedReply:
    """Describes a reply whose owner is gone, as it is stored."""

    #: All text that the checkpoints stored.
    text: str
    #: Whether a stop of the reply was requested.
    stop_requested: bool
    #: Whether the reply is a regeneration beside an earlier reply.
    replaces: bool
    #: How many tokens the text consists of.
    token_count: int = 0
    #: What the model was asked for. None if the process that began the reply did not store the request.
    request: GenerationRequest | None = None
    #: Where the text begins that the request was for, in code points: 0, or the length of the reply that it continues.
    begins_at: int = 0
    #: How many of the tokens come after `begins_at`.
    new_token_count: int = 0
    #: How many leases of the reply have expired since its request; a lease that was given up has not expired.
    expired_leases: int = 0
    #: The state before the request, if the request continues a reply.
    prior: PriorState | None = None


@frozen
class Resumption:
    """Says that an orphaned reply goes on: a new generation of it begins at `cut`, and the text after that is dropped.

    The cut is the beginning or the end of the text of a request.
    """

    #: In code points of the reply's log.
    cut: int


@frozen(kw_only=True)
class ResumedReply:
    """Holds what a process needs to go on with a reply that was orphaned."""

    lease: Lease
    #: What was stored before the resumption.
    orphan: OrphanedReply
    #: The reply, with the text up to the cut.
    reply: Message
    #: The newest messages of the path up to the message to be answered, oldest first.
    history: tuple[Message, ...]
    #: The instructions of the conversation.
    instructions: str | None
