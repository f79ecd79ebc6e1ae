"""Describes a reply whose owner is gone, and what becomes of it."""

from attrs import frozen

from chatcore.conversations.log import Piece, log_length, text_offset_at
from chatcore.conversations.message import FinishReason, Message, Status
from chatcore.replies.generation_request import GenerationRequest
from chatcore.replies.lease import Lease
from chatcore.reply_error import ReplyError


@frozen(kw_only=True)
class PriorState:
    """Holds the final state that a reply had before it was continued; its log is the beginning of the reply's log."""

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
    #: Where the request's part of the log begins, in code points: 0, or the length of the reply that it continues.
    begins_at: int = 0
    #: How many of the tokens come after `begins_at`.
    new_token_count: int = 0
    #: How many leases of the reply have expired since its request; a lease that was given up has not expired.
    expired_leases: int = 0
    #: The state before the request, if the request continues a reply.
    prior: PriorState | None = None
    #: Everything that the checkpoints stored and that is not text, in order.
    pieces: tuple[Piece, ...] = ()

    @property
    def has_new_text(self) -> bool:
        """Returns whether text is stored that the request brought."""
        return len(self.text) > self.text_begins_at

    @property
    def text_begins_at(self) -> int:
        """Returns how much text precedes the request's part of the log, in code points."""
        return text_offset_at(self.begins_at, self.pieces)

    @property
    def end_of_text(self) -> int:
        """Returns where the last text of the log ends, in code points of the log; 0 without text."""
        if not self.text:
            return 0
        trailing = next((piece for piece in self.pieces if piece.text_offset == len(self.text)), None)
        return log_length(len(self.text), self.pieces) if trailing is None else trailing.position


@frozen
class Resumption:
    """Says that an orphaned reply goes on: a new generation of it begins at `cut`, and the log after that is dropped.

    The cut is the beginning or the end of the text of a request.
    """

    #: In code points of the reply's log.
    cut: int
    #: How much text precedes the cut, in code points.
    text_cut: int


@frozen(kw_only=True)
class ResumedReply:
    """Holds what a process needs to go on with a reply that was orphaned."""

    lease: Lease
    #: What was stored before the resumption.
    orphan: OrphanedReply
    #: The reply, with its log up to the cut.
    reply: Message
    #: The newest messages of the path up to the message to be answered, oldest first.
    history: tuple[Message, ...]
    #: The instructions of the conversation.
    instructions: str | None
