"""Events lead a client on so that it misses no change, wherever it breaks off."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count

import pytest

from chatcore import FeedEvent, FeedEventKind, Watermark
from chatcore.ports import Change, ChangesRead
from chatcore.sync.feed_event import MAX_WAITING, events_of, first_page
from chatcore.testing.samples import ALICE, NOON, a_conversation

_AFTER = Watermark(origin="00000000", number=10, at=NOON)
_LATER = NOON + timedelta(minutes=1)


def a_read(numbers: Sequence[int], watermark: int) -> ChangesRead:
    """Returns a read of changes with these numbers, at the place `watermark`."""
    changes = []
    for number in numbers:
        conversation = a_conversation()
        changes.append(Change(number=number, conversation_id=conversation.id, conversation=conversation))
    return ChangesRead(
        watermark=Watermark(origin="00000000", number=watermark, at=_LATER), changes={ALICE: changes} if changes else {}
    )


def numbers_of(events: Sequence[FeedEvent]) -> list[int]:
    """Returns the number of the watermark of each event."""
    return [event.watermark.number for event in events]


def test_an_event_says_what_changed() -> None:
    read = a_read([11], 20)
    (event,) = events_of(ALICE, _AFTER, read)

    assert (event.kind, event.change) == (FeedEventKind.CONVERSATION, read.changes[ALICE][0])


def test_a_deletion_is_an_event_of_its_own() -> None:
    deletion = Change(number=11, conversation_id=a_conversation().id, conversation=None)
    read = ChangesRead(watermark=a_read([], 20).watermark, changes={ALICE: [deletion]})

    (event,) = events_of(ALICE, _AFTER, read)
    assert event.kind is FeedEventKind.DELETED


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], []),
        ([11], [20]),
        ([11, 15, 16], [15, 16, 20]),
        # Changes of one transaction are told again unless all of them were.
        ([11, 11, 11, 15], [11, 11, 15, 20]),
        # A transaction with a number from 20 on may still run.
        ([11, 20, 25, 27], [20, 20, 20, 20]),
        ([25, 25], [20, 20]),
    ],
)
def test_an_event_leads_to_the_next_change_and_never_beyond_what_is_finished(
    numbers: list[int], expected: list[int]
) -> None:
    assert numbers_of(events_of(ALICE, _AFTER, a_read(numbers, 20))) == expected


def test_only_the_last_event_has_the_time_of_the_read() -> None:
    events = events_of(ALICE, _AFTER, a_read([11, 12, 13], 20))

    assert [event.watermark.at for event in events] == [NOON, NOON, _LATER]


def test_too_many_changes_are_a_reset() -> None:
    most = events_of(ALICE, _AFTER, a_read(range(11, 11 + MAX_WAITING), 1000))
    more = events_of(ALICE, _AFTER, a_read(range(11, 12 + MAX_WAITING), 1000))

    assert [event.kind for event in most] == [FeedEventKind.CONVERSATION] * MAX_WAITING
    assert [(event.kind, event.watermark.number) for event in more] == [(FeedEventKind.RESET, 1000)]


@pytest.mark.parametrize(("hours", "is_reset"), [(24, False), (24.001, True)])
def test_what_is_older_than_a_day_is_a_reset(hours: float, *, is_reset: bool) -> None:
    after = Watermark(origin="00000000", number=10, at=_LATER - timedelta(hours=hours))

    (event,) = events_of(ALICE, after, a_read([11], 20))
    assert (event.kind is FeedEventKind.RESET) == is_reset


def test_an_unknown_place_is_a_reset() -> None:
    read = ChangesRead(watermark=a_read([], 20).watermark, changes={}, is_known=False)

    (event,) = events_of(ALICE, _AFTER, read)
    assert (event.kind, event.watermark) == (FeedEventKind.RESET, read.watermark)


@pytest.mark.parametrize(
    ("numbers", "limit", "length"),
    [
        ([], 1, 0),
        ([11, 12, 13], 1, 1),
        ([11, 12, 13], 2, 2),
        ([11, 12, 13], 3, 3),
        ([11, 12, 13], 200, 3),
        ([11, 11, 11, 12], 2, 3),
        ([11, 11, 11], 1, 3),
        ([11, 20, 25], 1, 1),
        ([11, 21, 25], 1, 3),
        ([21, 22, 23], 1, 3),
    ],
)
def test_a_page_ends_where_the_next_one_begins_with_another_change(numbers: list[int], limit: int, length: int) -> None:
    assert len(first_page(events_of(ALICE, _AFTER, a_read(numbers, 20)), limit)) == length


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_tell_all_changes_and_end(limit: int) -> None:
    numbers = [11, 11, 12, 14, 14, 14, 15, 19, 20, 22, 22, 30]
    after, told = _AFTER, list[int]()
    for pages in count(1):
        rest = [number for number in numbers if number >= after.number]
        events = first_page(events_of(ALICE, after, a_read(rest, 20)), limit)
        told += [event.change.number for event in events if event.change]
        is_last = len(events) == len(rest)
        if is_last:
            break
        after = events[-1].watermark
        assert pages < len(numbers)

    assert told == numbers
