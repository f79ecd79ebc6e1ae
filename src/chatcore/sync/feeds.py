"""Feeds clients with the changes of their user's conversations.

All feeds of a process share one read per tick. It returns what has become visible since the previous read, so no feed
has a cursor of its own, and an idle feed costs its user's id in the read.
"""

import asyncio
from collections.abc import Sequence
from contextvars import Context
from functools import partial
from typing import Final

from attrs import frozen

from chatcore.ports.changes import ChangesRead, ChangeStore
from chatcore.ports.clock import Clock
from chatcore.ports.observer import Observer
from chatcore.sync.feed_event import (
    MAX_WAITING,
    FeedEvent,
    FeedEventKind,
    events_of,
    first_page,
    leads_nowhere,
    require_page_limit,
)
from chatcore.sync.feed_reader import FeedReader
from chatcore.sync.watermark import Watermark
from chatcore.timed_wait import wait_at_most
from chatcore.user import User, UserId

#: The time between two reads, in seconds.
TICK_SECONDS: Final = 0.5
#: How long :meth:`Feeds.close` waits for a read in progress, in seconds.
CLOSE_SECONDS: Final = 1.0
# One change more than may wait tells that there are too many.
_MOST_READ = MAX_WAITING + 1


@frozen
class ChangesPage:
    """Holds a page of a user's changes."""

    events: Sequence[FeedEvent]
    #: From where the next page goes on.
    next: Watermark
    #: Whether the client must load the list again, because the page does not tell all that has changed.
    is_reset: bool


class Feeds:
    """Opens feeds, and returns pages of changes."""

    def __init__(self, *, storage: ChangeStore, clock: Clock, observer: Observer) -> None:
        self._storage = storage
        self._clock = clock
        self._observer = observer
        self._readers: dict[UserId, set[FeedReader]] = {}
        #: Up to where all feeds have been fed; None while nothing is read.
        self._watermark: Watermark | None = None
        self._reading: asyncio.Task[None] | None = None
        #: Held during each read: a feed that is opened meanwhile is not in the read, which nevertheless moves the
        #: watermark.
        self._is_reading = asyncio.Lock()
        self._is_cut = False

    async def open(self, user: User, after: Watermark | None = None) -> FeedReader:
        """Returns a reader of the user's changes after a watermark, or from now on.

        The first event says where the reader is, so that it can come back also if nothing changes. Every
        reader must leave.
        """
        reader = FeedReader(partial(self._leave, user.id))
        if self._is_cut:
            reader.cut()
            return reader
        async with self._is_reading:
            watermark = self._watermark or await self._start()
            self._enter(user.id, reader)
        if after is None:
            reader.put([FeedEvent(FeedEventKind.PLACE, watermark)])
            return reader
        try:
            # The reader is fed already, so what changes during this read comes again and is not missed.
            read = await self._storage.read_changes(user.id, after, _MOST_READ)
        except BaseException:
            reader.leave()
            raise
        reader.put(events_of(user.id, after, read) or [FeedEvent(FeedEventKind.PLACE, read.watermark)])
        return reader

    async def page(self, user: User, after: Watermark | None, limit: int) -> ChangesPage:
        """Returns the user's first changes after a watermark; without one, the watermark with which to begin.

        The page has more than `limit` changes if it cannot be divided there; see :func:`first_page`.

        Raises:
            InvalidInputError: the limit is not from 1 to MAX_WAITING.
        """
        require_page_limit(limit)
        if after is None:
            return ChangesPage((), await self._storage.read_watermark(), is_reset=False)
        read = await self._storage.read_changes(user.id, after, _MOST_READ)
        events = events_of(user.id, after, read)
        if events and events[0].kind is FeedEventKind.RESET:
            return ChangesPage((), read.watermark, is_reset=True)
        events = first_page(events, limit)
        return ChangesPage(events, events[-1].watermark if events else read.watermark, is_reset=False)

    def cut(self) -> None:
        """Tells all current and future readers to reconnect, for a shutdown."""
        self._is_cut = True
        for readers in self._readers.values():
            for reader in readers:
                reader.cut()

    async def close(self) -> None:
        """Stops the reads and waits at most CLOSE_SECONDS for one in progress."""
        if self._reading is not None:
            self._reading.cancel()
            await wait_at_most([self._reading], seconds=CLOSE_SECONDS, clock=self._clock)

    def _enter(self, user_id: UserId, reader: FeedReader) -> None:
        self._readers.setdefault(user_id, set()).add(reader)
        if self._is_cut:
            # The shutdown began while the feed was being opened, and did not find this reader.
            reader.cut()

    def _leave(self, user_id: UserId, reader: FeedReader) -> None:
        readers = self._readers.get(user_id, set())
        readers.discard(reader)
        if not readers:
            self._readers.pop(user_id, None)

    async def _start(self) -> Watermark:
        self._watermark = await self._storage.read_watermark()
        # The task has its own context, since it serves all readers and not only the request that started it.
        self._reading = asyncio.create_task(self._read_on(), name="reading changes", context=Context())
        return self._watermark

    async def _read_on(self) -> None:
        try:
            while True:
                await self._clock.sleep(TICK_SECONDS)
                async with self._is_reading:
                    if not self._readers:
                        # The next reader begins at a new watermark.
                        break
                    await self._read()
        finally:
            self._watermark = None

    async def _read(self) -> None:
        after, user_ids = self._watermark, tuple(self._readers)
        assert after is not None  # noqa: S101 - the task that reads has a watermark
        started = self._clock.monotonic()
        try:
            read = await self._storage.read_changes_of_all(user_ids, after, _MOST_READ)
        except Exception as error:  # noqa: BLE001 - the next tick reads the same again
            self._observer.failed("reading changes", error)
            return
        self._watermark = read.watermark
        # If the storage was restored, every reader must load the list again.
        for user_id in user_ids if leads_nowhere(after, read) else read.changes:
            self._feed(user_id, after, read)
        self._observer.changes_read(len(user_ids), self._clock.monotonic() - started)

    def _feed(self, user_id: UserId, after: Watermark, read: ChangesRead) -> None:
        events = events_of(user_id, after, read)
        for reader in self._readers.get(user_id, ()):
            reader.put(events)
