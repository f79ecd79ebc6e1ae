"""Defines the port that tells which conversations have changed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from attrs import frozen

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import ConversationId
from chatcore.sync.watermark import Watermark
from chatcore.user import UserId

#: How many hours a deletion can be read. What is read after an older watermark may lack deletions.
DELETION_HOURS: int = 24


@frozen(kw_only=True)
class Change:
    """Tells that a conversation was created, changed in any field, or deleted."""

    #: The place of the change in the sequence of all changes; all changes of one transaction have the same number.
    number: int
    conversation_id: ConversationId
    #: The conversation as it is now; None if it was deleted.
    conversation: Conversation | None


@frozen(kw_only=True)
class ChangesRead:
    """Holds what has changed after a watermark."""

    #: The place from which to read on.
    watermark: Watermark
    #: The changes of each user who has any, ordered by number.
    changes: Mapping[UserId, Sequence[Change]]
    #: Whether the storage knows the watermark after which it was read. It does not know one of another storage, or one
    #: from a future that was undone by a restore; then there are no changes here.
    is_known: bool = True


class ChangeStore(Protocol):
    """Tells which conversations have changed. :class:`chatcore.ports.Storage` states the rules for every method.

    Every method that changes a conversation in any field, or begins or ends a reply in it, makes a change. Of several
    changes of one conversation only the last is kept.

    Raises:
        StorageUnavailableError: from every method, when the storage is unreachable, overloaded or read-only.
    """

    async def read_watermark(self) -> Watermark:
        """Returns the place at which the storage is now."""
        ...

    async def read_changes(self, user_id: UserId, after: Watermark, limit: int) -> ChangesRead:
        """Returns the first changes of a user after a watermark, ordered by number, at most `limit` of them.

        Every change that was not visible when the watermark was read is among the changes after it, whatever the order
        in which the transactions commit. A change that was visible may be repeated.
        """
        ...

    async def read_changes_of_all(self, user_ids: Collection[UserId], after: Watermark, limit: int) -> ChangesRead:
        """Does as :meth:`read_changes` for many users with one statement, at most `limit` changes of each user.

        A change is not repeated as long as the watermark is the one of the previous call. Changes that are made during
        the call may be.
        """
        ...

    async def purge_deletions(self, age_seconds: float, limit: int) -> int:
        """Forgets at most `limit` deletions that are at least that old, of all users; returns how many there were."""
        ...
