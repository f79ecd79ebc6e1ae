"""A reader of a feed waits for events and keeps few of them."""

import asyncio

from chatcore import FeedEvent, FeedEventKind, Watermark
from chatcore.replies.transcript import RECONNECT
from chatcore.sync.feed_event import MAX_WAITING
from chatcore.sync.feed_reader import FeedReader
from chatcore.testing.samples import NOON


def an_event(number: int) -> FeedEvent:
    """Returns an event with this place."""
    return FeedEvent(FeedEventKind.CONVERSATION, Watermark(origin="00000000", number=number, at=NOON))


def a_reader() -> FeedReader:
    """Returns a reader for which nothing waits."""
    return FeedReader(lambda _: None)


async def test_events_come_in_their_order() -> None:
    reader = a_reader()
    reader.put([an_event(1), an_event(2)])
    reader.put([an_event(3)])

    assert [reader.take() for _ in range(4)] == [an_event(1), an_event(2), an_event(3), None]


async def test_a_reader_waits_until_an_event_comes() -> None:
    reader = a_reader()
    waiting = asyncio.ensure_future(reader.wait())
    await asyncio.sleep(0)
    assert not waiting.done()

    reader.put([an_event(1)])

    async with asyncio.timeout(1):
        await waiting
        await reader.wait()


async def test_a_reader_can_be_woken_without_an_event() -> None:
    reader = a_reader()
    for _ in range(2):
        waiting = asyncio.ensure_future(reader.wait())
        await asyncio.sleep(0)
        reader.wake()
        reader.wake()
        async with asyncio.timeout(1):
            await waiting
    assert reader.take() is None


async def test_a_reset_takes_the_place_of_too_many_events() -> None:
    reader = a_reader()
    for number in range(MAX_WAITING):
        reader.put([an_event(number)])
    reader.put([an_event(1000), an_event(1001)])
    reader.put([an_event(1002)])

    assert reader.take() == FeedEvent.reset(an_event(1001).watermark)
    assert [reader.take(), reader.take()] == [an_event(1002), None]


async def test_a_cut_ends_the_stream_after_the_events_that_wait() -> None:
    reader = a_reader()
    reader.put([an_event(1)])
    ends = [reader.end]
    reader.cut()
    ends.append(reader.end)

    async with asyncio.timeout(1):
        await reader.wait()
    assert [reader.take(), reader.take()] == [an_event(1), None]
    assert ends == [None, RECONNECT]
