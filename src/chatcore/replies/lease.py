"""Defines the lease under which a process generates a reply, and the data that it writes under the lease.

One process at a time owns a reply that is being generated. The storage grants the owner a lease for
:data:`LEASE_SECONDS` by the storage's own clock, and the owner renews it long before it expires. Any process may take
over a reply whose lease has expired. A takeover increments the epoch. Every write names owner and epoch, so later
writes of the old owner match no row: the old owner is fenced off.
"""

from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from attrs import field, frozen

from chatcore.conversations.log import Piece
from chatcore.conversations.message import ConversationId, FinishReason, MessageId, Status
from chatcore.reply_error import ReplyError
from chatcore.timestamps import require_aware
from chatcore.user import UserId

#: The id of a process, new at each start: a process that restarts under the same host name inherits nothing.
OwnerId = NewType("OwnerId", UUID)

#: How long a lease is valid unless it is renewed.
LEASE_SECONDS = 15.0
#: The age at which a lease is renewed.
RENEWAL_SECONDS = 5.0


@frozen(kw_only=True)
class Lease:
    """Grants the process `owner_id` the right to write the reply `message_id`."""

    user_id: UserId
    conversation_id: ConversationId
    message_id: MessageId
    owner_id: OwnerId
    #: The number of owners so far, this one included; starts at 1.
    epoch: int


@frozen(kw_only=True)
class Progress:
    """One reply's part of a checkpoint."""

    lease: Lease
    #: Where `text` starts in the reply, in code points.
    start_offset: int
    #: The text since the last checkpoint. If it is empty, the checkpoint only asks for the status.
    text: str
    #: Whether the checkpoint also renews the lease.
    renew: bool
    #: How many tokens the text consists of.
    token_count: int = 0
    #: What has arrived since the last checkpoint and is not text, in order.
    pieces: tuple[Piece, ...] = ()


class LeaseStatus(StrEnum):
    """Tells the owner of a reply, at each checkpoint, whether it may go on."""

    #: The lease is valid; the owner goes on.
    HELD = "held"
    #: A stop of the reply was requested.
    STOP_REQUESTED = "stop_requested"
    #: The reply was deleted, or another process took it over. Nothing was written, and no later write will succeed.
    LOST = "lost"


@frozen(kw_only=True)
class FinalState:
    """Describes how a reply ended."""

    #: Any status but streaming.
    status: Status
    content: str
    error: ReplyError | None
    #: 0 where it is not known.
    token_count: int
    #: 0 where it is not known.
    inference_time_ms: int
    #: Whether the conversation's head moves back from this reply to the one that the reply was to replace.
    returns_head: bool
    ended_at: datetime = field(validator=require_aware)
    #: What the model says about a complete reply; None otherwise, and where the model does not say it.
    finish_reason: FinishReason | None = None
    #: The JSON of an object; see :class:`chatcore.ports.inference.ClosingFrame`.
    usage: str | None = None
    #: What is not text and may not be stored yet, in order. A piece that is stored already is not stored again.
    pieces: tuple[Piece, ...] = ()
    #: How much of the reply is not text, in bytes of UTF-8; None if all of it is text.
    pieces_bytes: int | None = None
    #: The position in the log from which stored pieces are deleted; None if all are kept.
    drops_pieces_from: int | None = None
    #: The number of the generation that has ended. A later generation may have ended with the same text.
    generation: int = 1

    @property
    def has_pieces(self) -> bool:
        """Returns whether something of the reply is or was not text."""
        return self.pieces_bytes is not None or self.drops_pieces_from is not None
