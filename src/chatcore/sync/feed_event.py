"""Turns changes into the events of a feed, each with the watermark from which a client goes on."""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from attrs import evolve, frozen

from chatcore.errors import FieldProblem, InvalidInputError
from chatcore.ports.changes import DELETION_HOURS, Change, ChangesRead
from chatcore.sync.watermark import Watermark
from chatcore.user import UserId

#: Most changes that wait for a client; when there are more, it is told to load the list again.
MAX_WAITING: Final = 200

_KNOWN_FOR = timedelta(hours=DELETION_HOURS)


class FeedEventKind(StrEnum):
    """Names what an event tells."""

    #: The conversation was created or changed.
    CONVERSATION = "conversation"
    #: The conversation was deleted.
    DELETED = "deleted"
    #: More has changed than the events tell: the client must load the list again.
    RESET = "reset"
    #: Nothing has changed; the event only says where the client is.
    PLACE = "place"


@frozen
class FeedEvent:
    """Tells a client of a change."""

    kind: FeedEventKind
    #: From where the client goes on once it has this event.
    watermark: Watermark
    #: None in an event that tells of no single conversation.
    change: Change | None = None

    @classmethod
    def reset(cls, watermark: Watermark) -> "FeedEvent":
        """Returns the event that makes a client load the list again."""
        return cls(FeedEventKind.RESET, watermark)


def leads_nowhere(after: Watermark, read: ChangesRead) -> bool:
    """Returns whether a read cannot tell all that has changed after a watermark.

    The storage does not know the watermark, or it is so old that deletions after it are forgotten.
    """
    return not read.is_known or read.watermark.at - after.at > _KNOWN_FOR


def events_of(user_id: UserId, after: Watermark, read: ChangesRead) -> Sequence[FeedEvent]:
    """Returns the events of a user's changes; a single reset where these do not tell all.

    The watermark of an event is at most the place of the next change, so whoever goes on from there misses none. It is
    also at most the watermark of the read, because changes with numbers from there on may still become visible. So
    changes beyond it are repeated.
    """
    changes = read.changes.get(user_id, ())
    if len(changes) > MAX_WAITING or leads_nowhere(after, read):
        return [FeedEvent.reset(read.watermark)]
    events = [
        # The time stays that of the place where the client was: so old are the changes that may follow.
        _event(change, evolve(after, number=min(following.number, read.watermark.number), beyond=""))
        for change, following in pairwise(changes)
    ]
    return [*events, _event(changes[-1], read.watermark)] if changes else []


def require_page_limit(limit: int) -> int:
    """Returns the limit of a page.

    Raises:
        InvalidInputError: the limit is not from 1 to MAX_WAITING.
    """
    if not 1 <= limit <= MAX_WAITING:
        raise InvalidInputError(FieldProblem("limit", f"must be from 1 to {MAX_WAITING}"))
    return limit


def first_page(events: Sequence[FeedEvent], limit: int) -> Sequence[FeedEvent]:
    """Returns the first events, `limit` of them or as few more as a page can end with.

    A page can end where the next one begins with another change. That is not the case between changes with the same
    number, nor beyond the watermark of the read.
    """
    for index in range(limit, len(events)):
        last, following = events[index - 1], events[index]
        assert last.change is not None  # noqa: S101 - several events tell of changes
        assert following.change is not None  # noqa: S101 - see above
        if last.change.number < following.change.number == last.watermark.number:
            return events[:index]
    return events


def _event(change: Change, watermark: Watermark) -> FeedEvent:
    kind = FeedEventKind.DELETED if change.conversation is None else FeedEventKind.CONVERSATION
    return FeedEvent(kind, watermark, change)
