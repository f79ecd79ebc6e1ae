"""Defines the port that finds texts by their terms."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from attrs import frozen

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.search.listing import Candidate, SearchPlace
from chatcore.search.query import QueryTerm
from chatcore.user import UserId

#: How long a process has the texts that it claimed for itself. After that another process may index them.
CLAIM_SECONDS = 10.0
#: The bounds of what one look for candidates returns: conversations, and candidates of each.
MAX_CONVERSATIONS = 25
MAX_CANDIDATES = 3


@frozen(kw_only=True)
class PendingText:
    """A message that waits for being indexed, or a conversation whose title does."""

    #: The number of the entry that waits; an entry of another user may have the same number.
    ticket: int
    user_id: UserId
    conversation_id: ConversationId
    #: None if only the title waits.
    message_id: MessageId | None
    #: The beginning of the message, as much of it as is indexed; None if there is nothing to index (any more).
    text: str | None
    #: What the storage needs to recognise a text that has grown meanwhile.
    text_version: int
    #: The title of the conversation; None if it is indexed.
    title: str | None


@frozen
class IndexedText:
    """The terms of a text that waited."""

    pending: PendingText
    text_terms: Sequence[str]
    title_terms: Sequence[str]


@frozen
class WalkPlace:
    """Marks a place in a walk through everything that could be indexed: all messages, and then all titles."""

    is_among_titles: bool = False
    user_id: UserId = ""
    #: The last message or conversation that was looked at; None before the first one.
    id: MessageId | ConversationId | None = None


@frozen
class WalkStep:
    """What one step of a walk found."""

    #: Where the walk goes on; None at its end.
    next_place: WalkPlace | None
    #: How many texts wait now that were neither indexed nor waiting.
    enqueued: int


@frozen
class Candidates:
    """What one look for candidates found."""

    found: Sequence[Candidate]
    #: Where the next look begins, after all conversations that were looked at; None if nothing comes after them.
    next_place: SearchPlace | None


class SearchIndex(Protocol):
    """Keeps the terms of messages and titles. :class:`chatcore.ports.Storage` states the rules for every method.

    A text waits for being indexed from the moment in which it is stored: a user's message at once, a reply at its end,
    a title whenever it changes. What is deleted is not found any more. Three methods concern no single user:
    `claim_pending`, `store_terms` and `enqueue_unindexed`.

    Raises:
        StorageUnavailableError: from every method, when the storage is unreachable, overloaded or read-only.
    """

    async def claim_pending(self, limit: int) -> Sequence[PendingText]:
        """Returns at most `limit` entries that wait, the newest ones first, and keeps other processes from them.

        An entry that is not stored within CLAIM_SECONDS waits again. A reply that streams has no text to index.
        """
        ...

    async def store_terms(self, texts: Sequence[IndexedText]) -> None:
        """Stores the terms of texts that :meth:`claim_pending` returned, and lets their entries wait no longer.

        The terms of an earlier text of the same message or title are replaced. Terms of a text that has grown meanwhile
        are not stored, since the text waits again; nor are those of a text that was deleted.
        """
        ...

    async def enqueue_unindexed(self, place: WalkPlace, limit: int) -> WalkStep:
        """Looks at the next `limit` messages or titles, and makes those wait that are neither indexed nor waiting.

        Such texts were stored by a version of the service that knows no search, or by another program.
        """
        ...

    async def find_candidates(self, user_id: UserId, terms: Sequence[QueryTerm], place: SearchPlace) -> Candidates:
        """Returns what comes next after a place and has all terms, in the order of :class:`SearchPlace`.

        At most MAX_CONVERSATIONS conversations are looked at, and of each the first MAX_CANDIDATES are returned. At
        least one term must be given.
        """
        ...

    async def read_indexed_texts(self, user_id: UserId, message_ids: Collection[MessageId]) -> Mapping[MessageId, str]:
        """Returns of each message as much as is indexed; messages that the user does not have are left out."""
        ...
