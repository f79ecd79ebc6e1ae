"""Defines a message: one node of a conversation's tree."""

from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from attrs import field, frozen

from chatcore.conversations.log import Log, Piece, log_length, parts_of
from chatcore.conversations.parts import Part
from chatcore.conversations.places import Place
from chatcore.reply_error import ReplyError
from chatcore.timestamps import require_aware
from chatcore.user import UserId

MessageId = NewType("MessageId", UUID)
ConversationId = NewType("ConversationId", UUID)

DEFAULT_MODEL_TAG = "default"
#: How many versions before and after a message are named with it, at most. A message may have thousands.
MAX_VERSIONS_EACH_WAY = 25


class Role(StrEnum):
    """Names the author of a message."""

    USER = "user"
    ASSISTANT = "assistant"
    #: No message has this role today; the API and the database list it for clients that know it.
    SYSTEM = "system"


class Status(StrEnum):
    """Tells the state of a message. Every message that is not a reply is complete."""

    #: The reply is being generated; its text is in the memory of its owner and in deltas.
    STREAMING = "streaming"
    #: The message has its whole text.
    COMPLETE = "complete"
    #: The user stopped the reply; the text that had arrived is kept.
    STOPPED = "stopped"
    #: The reply has text, but its end is missing.
    INTERRUPTED = "interrupted"
    #: The reply has no text.
    FAILED = "failed"


class FinishReason(StrEnum):
    """Tells why a model ended a reply, as the model says."""

    #: The model had nothing more to say.
    STOP = "stop"
    #: The reply has as many tokens as were permitted.
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"
    #: The model waits for the results of the tools that it called.
    TOOL_CALLS = "tool_calls"


# Opening a conversation creates all of its messages, so a message must be cheap to create. The class has no slots,
# because the slots of a frozen class are filled through `object.__setattr__`. It takes arguments by position, because
# arguments by name are put into a dictionary first. Slots or arguments by name would each add half of the cost.
@frozen(slots=False)
class Message:
    """Holds one message as it is stored.

    Raises:
        InvalidInputError: `created_at` has no time zone.
    """

    id: MessageId
    conversation_id: ConversationId
    user_id: UserId
    #: The message that this one follows; None for the first message.
    parent_id: MessageId | None
    #: The order within the conversation, from 1 and without gaps. The storage assigns it; it is never a time.
    position: int
    role: Role
    content: str
    created_at: datetime = field(validator=require_aware)
    status: Status = Status.COMPLETE
    #: Why a reply is not complete; None while it streams and when it is complete.
    error: ReplyError | None = None
    #: Number of frames that carried a token; None while the reply streams, and 0 where it is not known.
    token_count: int | None = 0
    #: The model that was asked; for a message of a user, the one that was to answer.
    model_tag: str = DEFAULT_MODEL_TAG
    #: Duration of the call to the inference service, in milliseconds; None while the reply streams, and 0 where it is
    #: not known.
    inference_time_ms: int | None = 0
    #: None where the model does not say it, and for every message that is not a complete reply.
    finish_reason: FinishReason | None = None
    #: Where each generation of the reply after the first began, in code points of its log.
    cuts: tuple[int, ...] = ()
    #: What a reply has besides its text, in order; empty for nearly all messages.
    pieces: tuple[Piece, ...] = ()
    #: The messages with the same parent, oldest first, this one included: at most MAX_VERSIONS_EACH_WAY older and as
    #: many newer ones. Empty if there is no other, or if the storage was not asked for them. Two messages are equal
    #: whatever stands beside them.
    siblings: tuple[MessageId, ...] = field(default=(), eq=False)

    @property
    def versions(self) -> tuple[MessageId, ...]:
        """Returns the siblings, which are this message alone if it has no others."""
        return self.siblings or (self.id,)

    @property
    def log(self) -> Log:
        """Returns the log of the reply: its text and all other parts."""
        return Log(self.content, self.pieces)

    @property
    def log_length(self) -> int:
        """Returns how long the log of the reply is, in code points of all parts."""
        return log_length(len(self.content), self.pieces)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Returns the parts of a reply that has more than text, in order; empty for every other message."""
        return tuple(parts_of(self.content, self.pieces)) if self.pieces else ()

    @property
    def stream_id(self) -> str | None:
        """Returns the id in the reply's stream up to which this message shows the reply; None if it is no reply."""
        return self.stream_id_at(self.log_length)

    def stream_id_at(self, position: int) -> str | None:
        """Returns the id in the reply's stream that stands for a position in its log; None if it is no reply."""
        return Place(position, self.generation).id if self.is_reply else None

    @property
    def generation(self) -> int:
        """Returns the number of the last generation of the reply, from 1."""
        return len(self.cuts) + 1

    @property
    def is_reply(self) -> bool:
        """Returns whether an assistant wrote the message."""
        return self.role is Role.ASSISTANT

    @property
    def is_streaming(self) -> bool:
        """Returns whether the message is still being generated."""
        return self.status is Status.STREAMING
