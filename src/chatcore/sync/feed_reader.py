"""Holds the events that wait for one client of a feed."""

import asyncio
from collections.abc import Callable, Sequence

from chatcore.replies.readers import Reader
from chatcore.replies.transcript import RECONNECT, End
from chatcore.sync.feed_event import MAX_WAITING, FeedEvent


class FeedReader(Reader[FeedEvent]):
    """Reads the events of one feed, which :class:`chatcore.sync.feeds.Feeds` puts into it.

    There are thousands of readers for which no event waits, so a reader is small.

    Args:
        on_leave: the function to call with this reader when the reader leaves.
    """

    __slots__ = ("_end", "_events", "_on_leave", "_waiter")

    def __init__(self, on_leave: "Callable[[FeedReader], object]") -> None:
        self._on_leave = on_leave
        self._events: list[FeedEvent] = []
        self._end: End | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def end(self) -> End | None:
        """Returns how the stream ends once all events are taken, or None until :meth:`cut`."""
        return self._end

    def put(self, events: Sequence[FeedEvent]) -> None:
        """Appends events. If too many wait, a reset takes the place of all, so that a slow client costs little."""
        self._events += events
        if len(self._events) > MAX_WAITING:
            self._events = [FeedEvent.reset(self._events[-1].watermark)]
        self.wake()

    def cut(self) -> None:
        """Ends the stream after the events that wait, and tells the client to reconnect."""
        self._end = RECONNECT
        self.wake()

    def take(self) -> FeedEvent | None:
        """Removes the next event and returns it, or None if no event waits."""
        return self._events.pop(0) if self._events else None

    async def wait(self) -> None:
        """Returns when an event or the end has come, or at :meth:`wake`."""
        if not self._events and self._end is None:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def wake(self) -> None:
        """Lets :meth:`wait` return now."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def offer(self, write: Callable[[FeedEvent], bool]) -> None:
        """Does nothing: events are rare, so waking a task for each is cheap."""

    def leave(self) -> None:
        """Tells the feeds that the client has stopped reading."""
        self._on_leave(self)
