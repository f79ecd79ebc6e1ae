"""A message: one node of a conversation's tree."""

from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from attrs import field, frozen

from chatcore.reply_error import ReplyError
from chatcore.text import MAX_CONTENT_CHARS, require_text
from chatcore.timestamps import require_aware
from chatcore.user import UserId

MessageId = NewType("MessageId", UUID)
ConversationId = NewType("ConversationId", UUID)


class Role(StrEnum):
    """Who speaks."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"


class Status(StrEnum):
    """How far a message has come. Only a reply is ever anything but complete."""

    #: Being generated; its text is in the owner's memory and in deltas.
    STREAMING = "streaming"
    #: All there.
    COMPLETE = "complete"
    #: Ended by the user; what had arrived is kept.
    STOPPED = "stopped"
    #: Text is there, the end is not.
    INTERRUPTED = "interrupted"
    #: No text came.
    FAILED = "failed"


# Opening a conversation makes all of its messages, so one must be cheap to make: without slots, because those of a
# frozen class are filled through `object.__setattr__`, and by position where that matters, because a class takes the
# names of arguments into a dictionary first. Either would make it cost half as much again.
@frozen(slots=False)
class Message:
    """One message as it is stored.

    Raises:
        InvalidInputError: `created_at` has no time zone.
    """

    id: MessageId
    conversation_id: ConversationId
    user_id: UserId
    #: The message this one follows; None for the first.
    parent_id: MessageId | None
    #: Order within the conversation, from 1, gapless, given by the storage; never a time.
    position: int
    role: Role
    content: str
    created_at: datetime = field(validator=require_aware)
    status: Status = Status.COMPLETE
    #: Why a reply is not complete; None while it streams and when it is complete.
    error: ReplyError | None = None
    #: Frames that carried a token; None where it is not known.
    token_count: int | None = None
    #: The model that was asked; None for what a user wrote.
    model_tag: str | None = None
    #: From the call to the inference service to its end, in milliseconds.
    inference_time_ms: int | None = None

    @property
    def is_reply(self) -> bool:
        """Whether an assistant said it."""
        return self.role is Role.ASSISTANT

    @property
    def is_streaming(self) -> bool:
        """Whether it is still being generated."""
        return self.status is Status.STREAMING


def require_content(content: str) -> str:
    """What a user may say: 1 to 8000 characters that can be stored.

    Raises:
        InvalidInputError: it is not.
    """
    return require_text("content", content, max_chars=MAX_CONTENT_CHARS)
