"""Defines the pages of what a search has found, newest conversation first."""

import re
from datetime import UTC, datetime
from uuid import UUID

from attrs import field, frozen

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import ConversationId, MessageId
from chatcore.errors import FieldProblem, InvalidInputError
from chatcore.search.snippet import Snippet
from chatcore.timestamps import from_microseconds, require_aware, to_microseconds

MAX_SEARCH_PAGE = 100
DEFAULT_SEARCH_PAGE = 20
#: The pattern of an encoded place; every text that matches is a valid place.
SEARCH_CURSOR_PATTERN = "^(0|[1-9][0-9]{0,15})-(0|[1-9][0-9]{0,15})-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

_CURSOR = re.compile(SEARCH_CURSOR_PATTERN)


@frozen
class SearchPlace:
    """Marks a place among all that a search could find: just after a message or the title of a conversation.

    Conversations come by `updated_at` and id in descending order. In a conversation, the newest message comes first,
    and the title, which has position 0, comes last.
    """

    updated_at: datetime = field(validator=require_aware)
    conversation_id: ConversationId
    position: int

    def encode(self) -> str:
        """Returns an opaque, URL-safe form that callers send back."""
        return f"{to_microseconds(self.updated_at)}-{self.position}-{self.conversation_id}"

    @classmethod
    def after(cls, conversation: Conversation) -> "SearchPlace":
        """Returns the place after all of a conversation."""
        return cls(conversation.updated_at, conversation.id, 0)

    @classmethod
    def decode(cls, encoded: str) -> "SearchPlace":
        """Decodes the result of :meth:`encode`.

        Raises:
            InvalidInputError: `encoded` is not a result of :meth:`encode`.
        """
        if not _CURSOR.fullmatch(encoded):
            raise InvalidInputError(FieldProblem("cursor", "is not one that this service gave out"))
        microseconds, position, id_ = encoded.split("-", 2)
        return cls(from_microseconds(int(microseconds)), ConversationId(UUID(id_)), int(position))


#: The place before everything.
BEGINNING = SearchPlace(datetime.max.replace(tzinfo=UTC), ConversationId(UUID(int=2**128 - 1)), 2**63 - 1)


@frozen
class Candidate:
    """A message, or the title of a conversation, that has the terms of a query and may have its words."""

    conversation: Conversation
    #: None for the title.
    message_id: MessageId | None
    #: The position of the message in its conversation; 0 for the title.
    position: int

    @property
    def place(self) -> SearchPlace:
        """Returns the place just after this candidate."""
        return SearchPlace(self.conversation.updated_at, self.conversation.id, self.position)


@frozen
class SearchResult:
    """A conversation with the newest message that has all words of a query, or else with its title."""

    conversation: Conversation
    #: None if the words are in the title.
    message_id: MessageId | None
    snippet: Snippet


@frozen
class SearchPage:
    """Holds one page of results, newest `updated_at` first."""

    results: tuple[SearchResult, ...]
    #: Where the next page begins; None on the last page. A page that has one may have fewer results than requested.
    next_cursor: SearchPlace | None
