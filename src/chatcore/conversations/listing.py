"""Pages of a user's conversations, newest first.

A page can be asked for by offset (simple, and what existing clients do) or by cursor: the place after which it
begins. A cursor neither skips nor repeats a conversation when others are added meanwhile, and costs the same on
every page.
"""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from attrs import field, frozen

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import ConversationId
from chatcore.errors import FieldProblem, InvalidInputError
from chatcore.timestamps import require_aware

MAX_PAGE = 200
DEFAULT_PAGE = 50
#: PostgreSQL's bigint; a larger offset has no meaning.
MAX_OFFSET = 2**63 - 1
#: What an encoded cursor looks like; everything that does is one.
CURSOR_PATTERN = "^(0|[1-9][0-9]{0,15})-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

_CURSOR = re.compile(CURSOR_PATTERN)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@frozen
class Cursor:
    """A place in the list: just after the conversation with this instant and id."""

    updated_at: datetime = field(validator=require_aware)
    id: ConversationId

    @classmethod
    def after(cls, conversation: Conversation) -> "Cursor":
        """The place just after `conversation`."""
        return cls(conversation.updated_at, conversation.id)

    def encode(self) -> str:
        """An opaque, URL-safe form for callers to hand back."""
        return f"{(self.updated_at - _EPOCH) // _MICROSECOND}-{self.id}"

    @classmethod
    def decode(cls, encoded: str) -> "Cursor":
        """The reverse of :meth:`encode`.

        Raises:
            InvalidInputError: `encoded` cannot have come from there.
        """
        if not _CURSOR.fullmatch(encoded):
            raise InvalidInputError(FieldProblem("cursor", "is not one that this service gave out"))
        microseconds, _, id_ = encoded.partition("-")
        return cls(_EPOCH + int(microseconds) * _MICROSECOND, ConversationId(UUID(id_)))


@frozen(kw_only=True)
class PageRequest:
    """Which part of the list: at most `limit` conversations, after `cursor` or after the first `offset`.

    Raises:
        InvalidInputError: `limit` is not 1 to 200, or `offset` is negative or absurd.
    """

    limit: int = DEFAULT_PAGE
    offset: int = 0
    cursor: Cursor | None = None

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_PAGE:
            raise InvalidInputError(FieldProblem("limit", f"must be from 1 to {MAX_PAGE}"))
        if not 0 <= self.offset <= MAX_OFFSET:
            raise InvalidInputError(FieldProblem("offset", f"must be from 0 to {MAX_OFFSET}"))


@frozen
class Page:
    """One page, newest `updated_at` first, ties by id downwards."""

    conversations: tuple[Conversation, ...]
    #: Where the next page begins; None on the last.
    next_cursor: Cursor | None
