"""Defines how the active path of a conversation is read: in slices of a bounded number of messages and bytes.

A path may have tens of thousands of messages, and a message may have a million characters. So no caller gets a path at
once: the storage fixes the path first, as a list of slices without contents, and then returns one slice at a time. A
message that is longer than a slice is read in sections.

A caller may also request a page: the newest messages of the path, or those before a cursor. A cursor names a message
and not a number, so that older pages belong to the same branch even if the head has moved meanwhile.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from uuid import UUID

from attrs import frozen

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.listing import MAX_PAGE
from chatcore.conversations.message import Message, MessageId
from chatcore.errors import FieldProblem, InvalidInputError

#: Most messages of one slice.
MAX_SLICE_MESSAGES = 200
#: Most bytes of one slice, in UTF-8: the text and all other parts. A longer message is a slice of its own, which holds
#: the first section of its text.
MAX_SLICE_BYTES = 96 * 1024
#: Most code points of one section of a message that is longer than a slice.
MAX_SECTION_CHARS = 64 * 1024
#: Most bytes of text in UTF-8 of one page, which has at least one message.
MAX_PATH_PAGE_BYTES = 1024 * 1024
#: The pattern of an encoded cursor.
PATH_CURSOR_PATTERN = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

_CURSOR = re.compile(PATH_CURSOR_PATTERN)


@frozen
class PathCursor:
    """Marks the place in a path that comes just before the message with this id."""

    message_id: MessageId

    def encode(self) -> str:
        """Returns an opaque, URL-safe form that callers send back."""
        return str(self.message_id)

    @classmethod
    def decode(cls, encoded: str) -> "PathCursor":
        """Decodes the result of :meth:`encode`.

        Raises:
            InvalidInputError: `encoded` is not a result of :meth:`encode`.
        """
        if not _CURSOR.fullmatch(encoded):
            raise unknown_cursor()
        return cls(MessageId(UUID(encoded)))


def unknown_cursor() -> InvalidInputError:
    """Returns the error for a cursor that marks no place in the conversation."""
    return InvalidInputError(FieldProblem("before", "is not one that this service gave out for this conversation"))


def unknown_message(field: str) -> InvalidInputError:
    """Returns the error for a field that names no message of the conversation."""
    return InvalidInputError(FieldProblem(field, "must be the id of a message of this conversation"))


@frozen(kw_only=True)
class PathRequest:
    """Requests the whole active path, or with `limit` a page of it.

    A page has at most `limit` messages and at most MAX_PATH_PAGE_BYTES of text, but at least one message. It ends at
    the head or, with `before`, at the message before the cursor.

    Raises:
        InvalidInputError: `limit` is not from 1 to 200.
    """

    limit: int | None = None
    before: PathCursor | None = None

    def __attrs_post_init__(self) -> None:
        if self.limit is not None and not 1 <= self.limit <= MAX_PAGE:
            raise InvalidInputError(FieldProblem("limit", f"must be from 1 to {MAX_PAGE}"))


WHOLE_PATH = PathRequest()


@frozen
class MessageSlice:
    """Holds consecutive messages, oldest first."""

    messages: Sequence[Message]
    #: Whether the last message is whole. If not, its content is the first section of its text, without its pieces. All
    #: other messages are whole.
    is_whole: bool = True
    #: Whether the last message has more than text.
    has_pieces: bool = False


@frozen
class SliceKey:
    """Identifies a slice of a path, so that the storage finds the slice again."""

    newest_id: MessageId
    #: The number of messages.
    count: int
    #: The position from which on no message of the path had siblings when the path was opened.
    lone_from: int = sys.maxsize


@frozen(kw_only=True)
class OpenPath:
    """Holds a conversation and the beginning of its active path or page, as the storage returns them."""

    conversation: Conversation
    #: The oldest slice; empty if the path is.
    first: MessageSlice
    #: The slices after the first, oldest first.
    rest: Iterable[SliceKey]

    @property
    def previous_cursor(self) -> PathCursor | None:
        """Returns the cursor of the page with older messages; None if this path begins at the root."""
        oldest = self.first.messages[0] if self.first.messages else None
        return None if oldest is None or oldest.parent_id is None else PathCursor(oldest.id)
