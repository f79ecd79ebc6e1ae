"""A conversation: a tree of messages with a head.

Regenerating a reply puts the new one beside the old one, under the same user message, so a conversation is a
tree. The head is the newest message of the branch being shown; what a reader sees is the active path, from the
root to the head::

    user: hello ── assistant: hi
                └─ assistant: good day ── user: how are you? ── assistant: fine (head)
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.text import MAX_MODEL_TAG_CHARS, MAX_TITLE_CHARS, require_text
from chatcore.timestamps import require_aware
from chatcore.user import UserId

DEFAULT_TITLE = "New conversation"
DEFAULT_MODEL_TAG = "default"


class TitleSource(StrEnum):
    """Who chose a conversation's title. A title that a user chose is never overwritten."""

    DEFAULT = "default"
    AUTO = "auto"
    USER = "user"


# Why without slots, and not by keyword only: see :class:`chatcore.conversations.message.Message`.
@frozen(slots=False)
class Conversation:
    """One conversation of one user, without its messages.

    Raises:
        InvalidInputError: title or model tag break their limits, or an instant has no time zone.
    """

    id: ConversationId
    user_id: UserId
    created_at: datetime = field(validator=require_aware)
    #: Moves with every message, rename and finished reply; the list is sorted by it.
    updated_at: datetime = field(validator=require_aware)
    title: str = DEFAULT_TITLE
    title_source: TitleSource = TitleSource.DEFAULT
    model_tag: str = DEFAULT_MODEL_TAG
    #: The newest message of the branch being shown; None while there is none.
    head_id: MessageId | None = None


@frozen
class OpenConversation:
    """A conversation with messages, oldest first."""

    conversation: Conversation
    messages: tuple[Message, ...]


def require_title(title: str) -> str:
    """A title is 1 to 500 characters that can be stored.

    Raises:
        InvalidInputError: it is not.
    """
    return require_text("title", title, max_chars=MAX_TITLE_CHARS)


def require_model_tag(model_tag: str) -> str:
    """A model tag is 1 to 100 characters that can be stored.

    Raises:
        InvalidInputError: it is not.
    """
    return require_text("model_tag", model_tag, max_chars=MAX_MODEL_TAG_CHARS)


def active_path(messages: Sequence[Message], head_id: MessageId | None) -> tuple[Message, ...]:
    """The messages from the root to the head, oldest first; empty when there is no head.

    Args:
        messages: of one conversation, oldest first, so that each comes after the one that it follows.
        head_id: the newest of the branch.
    """
    path: list[Message] = []
    # Their numbers: to compare the ids themselves takes a call for each message.
    wanted = head_id and head_id.int
    for message in reversed(messages):
        if message.id.int == wanted:
            path.append(message)
            wanted = message.parent_id and message.parent_id.int
    path.reverse()
    return tuple(path)
