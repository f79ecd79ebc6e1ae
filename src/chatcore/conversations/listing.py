"""Defines the pages of a user's conversations, newest first.

A page is requested by offset, which is simple and used by existing clients, or by cursor, which is the place after
which the page begins. A cursor neither skips nor repeats a conversation when others are added meanwhile, and costs the
same on every page.
"""

import re
from datetime import datetime
from uuid import UUID

from attrs import field, frozen

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import ConversationId
from chatcore.errors import FieldProblem, InvalidInputError
from chatcore.timestamps import from_microseconds, require_aware, to_microseconds

MAX_PAGE = 200
DEFAULT_PAGE = 50
#: The maximum number of pinned conversations that a first page has beside its own.
MAX_PINNED = 100
#: The largest bigint of PostgreSQL; a larger offset has no meaning.
MAX_OFFSET = 2**63 - 1
#: The pattern of an encoded cursor; every text that matches is a valid cursor.
CURSOR_PATTERN = "^(0|[1-9][0-9]{0,15})-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

_CURSOR = re.compile(CURSOR_PATTERN)


@frozen
class Cursor:
    """Marks a place in the list, just after the conversation with this instant and id."""

    updated_at: datetime = field(validator=require_aware)
    id: ConversationId

    @classmethod
    def after(cls, conversation: Conversation) -> "Cursor":
        """Returns the place just after `conversation`."""
        return cls(conversation.updated_at, conversation.id)

    def encode(self) -> str:
        """Returns an opaque, URL-safe form that callers send back."""
        return f"{to_microseconds(self.updated_at)}-{self.id}"

    @classmethod
    def decode(cls, encoded: str) -> "Cursor":
        """Decodes the result of :meth:`encode`.

        Raises:
            InvalidInputError: `encoded` is not a result of :meth:`encode`.
        """
        if not _CURSOR.fullmatch(encoded):
            raise InvalidInputError(FieldProblem("cursor", "is not one that this service gave out"))
        microseconds, _, id_ = encoded.partition("-")
        return cls(from_microseconds(int(microseconds)), ConversationId(UUID(id_)))


@frozen(kw_only=True)
class PageRequest:
    """Requests at most `limit` conversations, after `cursor` or after the first `offset`.

    The list has either the archived conversations or the others. A cursor of one list is valid in the other.

    Raises:
        InvalidInputError: `limit` is not from 1 to 200, or `offset` is negative or above MAX_OFFSET.
    """

    limit: int = DEFAULT_PAGE
    offset: int = 0
    cursor: Cursor | None = None
    is_archived: bool = False

    @property
    def is_first(self) -> bool:
        """Returns whether the page begins at the newest conversation."""
        return self.cursor is None and self.offset == 0

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_PAGE:
            raise InvalidInputError(FieldProblem("limit", f"must be from 1 to {MAX_PAGE}"))
        if not 0 <= self.offset <= MAX_OFFSET:
            raise InvalidInputError(FieldProblem("offset", f"must be from 0 to {MAX_OFFSET}"))


@frozen
class Page:
    """Holds one page, newest `updated_at` first, ties by id in descending order."""

    conversations: tuple[Conversation, ...]
    #: Where the next page begins; None on the last page.
    next_cursor: Cursor | None
    #: On the first page, the newest MAX_PINNED pinned conversations of the list, in the same order. Those of them that
    #: are new enough are among `conversations` as well. Empty on later pages.
    pinned: tuple[Conversation, ...] = ()
