"""The right to make one reply, and what is written under it.

A reply in the making belongs to one process at a time. The storage grants that process a lease, good for
:data:`LEASE_SECONDS` of the storage's own time and renewed long before. Who finds a lease run out may take the
reply over; that raises the epoch, and since every write names owner and epoch, whatever the old owner still
sends matches nothing: it is fenced off.
"""

from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from attrs import field, frozen

from chatcore.conversations.message import ConversationId, MessageId, Status
from chatcore.reply_error import ReplyError
from chatcore.timestamps import require_aware
from chatcore.user import UserId

#: A process, new at each start: a process that comes back under the same host name inherits nothing.
OwnerId = NewType("OwnerId", UUID)

#: How long a lease holds unless it is renewed.
LEASE_SECONDS = 15.0
#: How old a lease may become before it is renewed.
RENEWAL_SECONDS = 5.0


@frozen(kw_only=True)
class Lease:
    """The right of `owner_id` to write the reply `message_id`."""

    user_id: UserId
    conversation_id: ConversationId
    message_id: MessageId
    owner_id: OwnerId
    #: Which owner in a row this is, from 1.
    epoch: int


@frozen(kw_only=True)
class Progress:
    """One reply's part of a checkpoint."""

    lease: Lease
    #: Where `text` begins in the reply, in code points.
    start_offset: int
    #: What has come since; may be empty, the owner then only asks how things stand.
    text: str
    #: Whether the lease is to be renewed on the way.
    renew: bool


class LeaseStatus(StrEnum):
    """How things stand with a reply, as its owner learns at a checkpoint."""

    #: Go on.
    HELD = "held"
    #: Somebody asked for it to be stopped.
    STOP_REQUESTED = "stop_requested"
    #: It was deleted, or another process took it over. Nothing was written; nothing ever will be.
    LOST = "lost"


@frozen
class OrphanedReply:
    """What a reply's owner has left behind."""

    #: All that its checkpoints stored.
    text: str
    #: Whether somebody had asked for it to be stopped.
    stop_requested: bool
    #: Whether it is made beside an earlier reply that is still there: whether it was begun as a regeneration.
    replaces: bool


@frozen(kw_only=True)
class FinalState:
    """The final state of a reply."""

    #: Any status but streaming.
    status: Status
    content: str
    error: ReplyError | None
    token_count: int | None
    inference_time_ms: int | None
    #: Whether the conversation's head goes back to where it was before this reply.
    returns_head: bool
    ended_at: datetime = field(validator=require_aware)
