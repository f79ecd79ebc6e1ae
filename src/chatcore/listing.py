"""Pages of a user's conversations, newest first.

A page can be asked for by offset (simple, and what existing clients do) or by cursor: the place after which it
begins. A cursor neither skips nor repeats a conversation when others are added meanwhile, and costs the same on
every page.
"""

import base64
import binascii
from datetime import datetime
from uuid import UUID

from attrs import field, frozen

from chatcore.conversation import Conversation
from chatcore.errors import FieldProblem, InvalidInputError
from chatcore.message import ConversationId
from chatcore.timestamps import require_aware

MAX_PAGE = 200
DEFAULT_PAGE = 50
#: PostgreSQL's bigint; a larger offset has no meaning.
MAX_OFFSET = 2**63 - 1


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
        plain = f"{self.updated_at.isoformat()}|{self.id}"
        return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, encoded: str) -> "Cursor":
        """The reverse of :meth:`encode`.

        Raises:
            InvalidInputError: `encoded` did not come from there.
        """
        try:
            padded = encoded.encode("ascii") + b"=" * (-len(encoded) % 4)
            updated_at, _, id_ = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition("|")
            cursor = cls(datetime.fromisoformat(updated_at), ConversationId(UUID(id_)))
        except (ValueError, binascii.Error, OverflowError) as error:
            raise _malformed_cursor() from error
        if cursor.encode() != encoded:
            raise _malformed_cursor()
        return cursor


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


def _malformed_cursor() -> InvalidInputError:
    return InvalidInputError(FieldProblem("cursor", "is not one that this service gave out"))
