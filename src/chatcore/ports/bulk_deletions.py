"""Defines the port that deletes many conversations at once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from attrs import frozen

from chatcore.conversations.message import ConversationId
from chatcore.user import UserId


@frozen
class WalkCursor:
    """Marks a place in the walk over the conversations of all users; only the storage knows their order."""

    user_id: UserId
    conversation_id: ConversationId


@frozen(kw_only=True)
class WalkedPage:
    """Says what became of one page of the walk over the conversations of all users."""

    #: How many conversations of the page were deleted.
    deleted: int
    #: Where the next page begins; None after the last page.
    next: WalkCursor | None


class BulkDeletions(Protocol):
    """Deletes conversations in batches. :class:`chatcore.ports.Storage` states the rules that hold for every method.

    Raises:
        StorageUnavailableError: from every method, when the storage is unreachable, overloaded or read-only.
    """

    async def delete_some(self, user_id: UserId, limit: int) -> Sequence[ConversationId]:
        """Deletes at most `limit` conversations of a user, as :meth:`ConversationStore.delete_conversation` does.

        Returns:
            The ids of the deleted conversations; fewer than `limit` mean that the user has no others.
        """
        ...

    async def delete_untouched(self, age: timedelta, after: WalkCursor | None, limit: int) -> WalkedPage:
        """Deletes the conversations of a page of the walk that were last updated longer than `age` ago.

        Pinned conversations and those with a running reply stay. The storage's clock decides how old a conversation is.
        A conversation that is changed meanwhile is judged as it is then.

        Args:
            age: the age from which on a conversation is deleted.
            after: where the page begins; None for the first page.
            limit: the number of conversations on a page, deleted or not.
        """
        ...
