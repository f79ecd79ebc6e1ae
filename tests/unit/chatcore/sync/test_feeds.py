"""Feeds tell every change to every client of its user, on every process, and pages tell the same."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from attrs import evolve
from tests.unit.conftest import ADA, BOB, World, until

from chatcore import Conversation, FeedEvent, FeedEventKind, User, Watermark
from chatcore.errors import StorageUnavailableError
from chatcore.pending_work import PURGE_SECONDS
from chatcore.replies.transcript import RECONNECT
from chatcore.sync.feed_event import MAX_WAITING
from chatcore.sync.feed_reader import FeedReader
from chatcore.sync.feeds import TICK_SECONDS
from chatcore.testing.samples import a_rename


@asynccontextmanager
async def a_feed(world: World, user: User = ADA, after: Watermark | None = None) -> AsyncIterator[FeedReader]:
    """Opens a feed for the length of the block."""
    reader = await world.chat.feeds.open(user, after)
    try:
        yield reader
    finally:
        reader.leave()


def taken(reader: FeedReader) -> list[FeedEvent]:
    """Takes all events that wait."""
    events = []
    while event := reader.take():
        events.append(event)
    return events


def told(events: list[FeedEvent]) -> list[object]:
    """Returns the conversations that were told, the ids of deleted ones, and the kinds of other events."""
    return [
        event.kind if event.change is None else event.change.conversation or event.change.conversation_id
        for event in events
    ]


async def tick(world: World) -> None:
    """Lets every process read changes once."""
    await world.clock.elapse(TICK_SECONDS)


async def changes_of(world: World, after: Watermark, user: User = ADA) -> list[object]:
    """Returns what the feed of a client tells that comes back with a watermark."""
    async with a_feed(world, user, after) as reader:
        return told(taken(reader))


async def renamed(world: World, conversation: Conversation, title: str) -> Conversation:
    """Renames a conversation."""
    user = User(id=conversation.user_id)
    return await world.chat.conversations.update(user, conversation.id, a_rename(title))


async def test_a_feed_begins_with_its_place_and_tells_what_changes_from_then_on(world: World) -> None:
    await world.conversation()
    async with a_feed(world) as reader:
        (place,) = taken(reader)
        conversation = await world.conversation()
        assert taken(reader) == []
        await tick(world)
        (event,) = taken(reader)
        await tick(world)
        assert taken(reader) == []

    assert place.kind is FeedEventKind.PLACE
    assert told([event]) == [conversation]
    assert await changes_of(world, place.watermark) == [conversation]
    assert await changes_of(world, event.watermark) == [FeedEventKind.PLACE]


async def test_every_feed_of_a_user_on_every_process_is_told_and_no_other(world: World) -> None:
    other = world.replica()
    async with a_feed(world) as one, a_feed(world) as two, a_feed(other) as three, a_feed(other, BOB) as bobs:
        for reader in (one, two, three, bobs):
            taken(reader)
        conversation = await world.conversation()
        await tick(world)

        assert [told(taken(reader)) for reader in (one, two, three)] == [[conversation]] * 3
        assert taken(bobs) == []
    await other.drained()


async def test_a_reply_that_begins_and_ends_and_a_deletion_are_told(world: World) -> None:
    conversation = await world.conversation()
    async with a_feed(world) as reader:
        turn = await world.send(conversation)
        await tick(world)
        (_, begun) = taken(reader)
        await world.chat.turns.stop(ADA, conversation.id, turn.reply.id)
        await tick(world)
        (ended,) = taken(reader)
        await world.chat.conversations.delete(ADA, conversation.id)
        await tick(world)

        assert begun.change is not None
        assert begun.change.conversation is not None
        assert begun.change.conversation.active_reply_id == turn.reply.id
        assert ended.change is not None
        assert ended.change.conversation is not None
        assert ended.change.conversation.active_reply_id is None
        assert told(taken(reader)) == [conversation.id]


async def test_a_client_goes_on_from_any_event_and_misses_nothing(world: World) -> None:
    conversations = [await world.conversation() for _ in range(3)]
    async with a_feed(world) as reader:
        (place,) = taken(reader)
        changed: list[object] = [await renamed(world, conversation, "New") for conversation in conversations]
        await tick(world)
        events = taken(reader)

    assert told(events) == changed
    for index, event in enumerate([place, *events]):
        rest = await changes_of(world, event.watermark)
        assert rest == (changed[index:] or [FeedEventKind.PLACE])


async def test_what_changes_while_a_client_catches_up_is_told(world: World) -> None:
    async with a_feed(world) as reader:
        (place,) = taken(reader)
    first = await world.conversation()
    async with a_feed(world, BOB):
        await tick(world)
        opening = asyncio.ensure_future(world.chat.feeds.open(ADA, place.watermark))
        second = await world.conversation()
        reader = await opening
        third = await world.conversation()
        await tick(world)
        events = told(taken(reader))
        reader.leave()

    assert set(events) == {first, second, third}


async def test_an_idle_feed_goes_on_from_its_place_within_a_day_and_no_longer(world: World) -> None:
    async with a_feed(world) as reader:
        (place,) = taken(reader)
    conversation = await world.conversation()

    world.clock.advance(timedelta(hours=24).total_seconds())
    assert await changes_of(world, place.watermark) == [conversation]
    world.clock.advance(1)
    assert await changes_of(world, place.watermark) == [FeedEventKind.RESET]
    page = await world.chat.feeds.page(ADA, place.watermark, 10)
    assert (page.events, page.is_reset) == ((), True)
    assert (await world.chat.feeds.page(ADA, page.next, 10)).is_reset is False


async def test_too_many_changes_are_a_reset(world: World) -> None:
    async with a_feed(world) as reader, a_feed(world, BOB) as bobs:
        (place,) = taken(reader)
        taken(bobs)
        for _ in range(MAX_WAITING + 1):
            await world.conversation()
        conversation = await world.conversation(BOB)
        await tick(world)

        assert told(taken(reader)) == [FeedEventKind.RESET]
        assert told(taken(bobs)) == [conversation]
    assert await changes_of(world, place.watermark) == [FeedEventKind.RESET]


async def test_the_place_of_another_storage_is_a_reset(world: World) -> None:
    watermark = await world.storage.read_watermark()

    assert await changes_of(world, evolve(watermark, origin="deadbeef")) == [FeedEventKind.RESET]
    assert await changes_of(world, evolve(watermark, number=10**6)) == [FeedEventKind.RESET]


async def test_all_open_feeds_are_reset_when_the_storage_was_restored(world: World) -> None:
    async with a_feed(world) as reader, a_feed(world, BOB) as bobs:
        await tick(world)
        for each in (reader, bobs):
            taken(each)
        feeds = world.chat.feeds
        assert feeds._watermark is not None
        feeds._watermark = evolve(feeds._watermark, origin="deadbeef")
        await tick(world)

        assert [told(taken(each)) for each in (reader, bobs)] == [[FeedEventKind.RESET]] * 2
        conversation = await world.conversation()
        await tick(world)
        assert told(taken(reader)) == [conversation]


async def test_an_outage_delays_changes_and_loses_none(world: World) -> None:
    async with a_feed(world) as reader:
        taken(reader)
        conversation = await world.conversation()
        world.storage.outage = True
        await tick(world)
        await tick(world)
        assert taken(reader) == []
        world.storage.outage = False
        await tick(world)
        assert told(taken(reader)) == [conversation]

    assert [what for what, _ in world.observer.failures] == ["reading changes"] * 2


async def test_a_feed_that_cannot_catch_up_is_not_opened_and_leaves_nothing_behind(world: World) -> None:
    watermark = await world.storage.read_watermark()
    async with a_feed(world, BOB):
        world.storage.outage = True
        with pytest.raises(StorageUnavailableError):
            await world.chat.feeds.open(ADA, watermark)

        assert world.chat.feeds._readers.keys() == {BOB.id}


async def test_the_first_feed_is_not_opened_during_an_outage_and_the_next_one_is_after_it(world: World) -> None:
    world.storage.outage = True
    with pytest.raises(StorageUnavailableError):
        await world.chat.feeds.open(ADA)
    world.storage.outage = False

    async with a_feed(world) as reader:
        assert told(taken(reader)) == [FeedEventKind.PLACE]


async def test_all_feeds_cost_one_read_a_tick_and_none_without_feeds(world: World) -> None:
    async with a_feed(world), a_feed(world), a_feed(world, BOB):
        await tick(world)
        await tick(world)
        assert world.observer.reads_of_changes == [2, 2]
    await tick(world)
    await tick(world)

    assert world.observer.reads_of_changes == [2, 2]
    async with a_feed(world) as reader:
        taken(reader)
        conversation = await world.conversation()
        await tick(world)
        assert told(taken(reader)) == [conversation]


async def test_readers_are_told_to_reconnect_when_the_process_drains(world: World) -> None:
    async with a_feed(world) as reader:
        taken(reader)
        await world.drained()
        assert reader.end is RECONNECT
        async with a_feed(world) as late:
            assert (late.take(), late.end) == (None, RECONNECT)
    reading = world.chat.feeds._reading
    assert reading is not None
    await until(reading.done)


async def test_a_reader_that_is_being_opened_when_the_process_drains_is_told_to_reconnect(world: World) -> None:
    for after in (None, await world.storage.read_watermark()):
        feeds = world.replica().chat.feeds
        opening = asyncio.ensure_future(feeds.open(ADA, after))
        await until(feeds._is_reading.locked)
        feeds.cut()

        reader = await opening

        assert told(taken(reader)) == [FeedEventKind.PLACE]
        assert reader.end is RECONNECT
        reader.leave()
        await feeds.close()


async def test_pages_tell_what_feeds_tell(world: World) -> None:
    feeds = world.chat.feeds
    begin = await feeds.page(ADA, None, 10)
    assert (begin.events, begin.is_reset) == ((), False)
    conversations = [await world.conversation() for _ in range(5)]
    await world.conversation(BOB)

    after, pages = begin.next, []
    while (page := await feeds.page(ADA, after, 2)).events:
        pages.append(told(list(page.events)))
        after = page.next

    assert pages == [conversations[:2], conversations[2:4], conversations[4:]]
    assert not (await feeds.page(ADA, after, 2)).events


async def test_deletions_are_forgotten_an_hour_after_nobody_may_ask_for_them(world: World) -> None:
    conversation = await world.conversation()
    after = await world.storage.read_watermark()
    await world.chat.conversations.delete(ADA, conversation.id)
    for hours, known in ((24.5, 1), (1, 0)):
        world.clock.advance(timedelta(hours=hours).total_seconds() + PURGE_SECONDS)
        await world.chat.pending_work.sweep()
        read = await world.storage.read_changes(ADA.id, after, 10)
        assert len(read.changes.get(ADA.id, ())) == known
