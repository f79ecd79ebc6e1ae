"""Defines a conversation: a tree of messages with a head.

A regenerated reply stands beside the old one, under the same user message, so a conversation is a tree. The head is
the newest message of the branch that is shown. A reader sees the active path, from the root to the head::

    user: hello ── assistant: hi
                └─ assistant: good day ── user: how are you? ── assistant: fine (head)
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from chatcore.conversations.message import DEFAULT_MODEL_TAG, ConversationId, Message, MessageId
from chatcore.timestamps import require_aware
from chatcore.user import UserId

DEFAULT_TITLE = "New conversation"
#: Titles by which clients in use create a conversation that has none yet.
PLACEHOLDER_TITLES = (DEFAULT_TITLE, "New chat")


class TitleSource(StrEnum):
    """Names the source of a conversation's title. A title that a user chose is never overwritten."""

    DEFAULT = "default"
    AUTO = "auto"
    USER = "user"


# The class has no slots and takes arguments by position, for the reasons given for
# :class:`chatcore.conversations.message.Message`.
@frozen(slots=False)
class Conversation:
    """Holds one conversation of one user, without its messages.

    Raises:
        InvalidInputError: an instant has no time zone.
    """

    id: ConversationId
    user_id: UserId
    created_at: datetime = field(validator=require_aware)
    #: The instant of the newest message or of the last finished reply; lists are sorted by this instant.
    updated_at: datetime = field(validator=require_aware)
    title: str = DEFAULT_TITLE
    title_source: TitleSource = TitleSource.DEFAULT
    model_tag: str = DEFAULT_MODEL_TAG
    #: The newest message of the branch that is shown; None while there is no message.
    head_id: MessageId | None = None
    #: Whether the user pinned the conversation, to find it at once.
    is_pinned: bool = False
    #: Whether the user archived the conversation; lists show it only on request. A new reply ends that.
    is_archived: bool = False
    #: What the model is told before all messages of the conversation; None if the user has written nothing.
    instructions: str | None = None
    #: The reply that is being generated; None if there is none. The storage derives the value from the running replies.
    active_reply_id: MessageId | None = None


def active_path(messages: Sequence[Message], head_id: MessageId | None) -> tuple[Message, ...]:
    """Returns the messages from the root to the head, oldest first; returns an empty tuple if there is no head.

    Args:
        messages: the messages of one conversation, oldest first, so that each comes after its parent.
        head_id: the newest message of the branch.
    """
    path: list[Message] = []
    # The loop compares the numbers of the ids, because comparing the ids themselves takes a call for each message.
    wanted = head_id and head_id.int
    for message in reversed(messages):
        if message.id.int == wanted:
            path.append(message)
            wanted = message.parent_id and message.parent_id.int
    path.reverse()
    return tuple(path)
