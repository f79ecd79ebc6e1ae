"""Bounds what waits for a reader of a finished reply, or of a reply that another process generates."""

import asyncio
from collections import deque
from collections.abc import Callable

from chatcore.conversations.log import Log, Stretch
from chatcore.conversations.places import Place
from chatcore.replies.readers import MAX_CHUNK_CHARS, Reader
from chatcore.replies.transcript import End

#: Most code points that are buffered for a reader of a reply that another process generates.
MAX_BUFFERED_CHARS = 2 * MAX_CHUNK_CHARS


class BufferedReader(Reader[Stretch]):
    """Reads stretches of a log that a feeder puts into its buffer.

    The log is that of a finished reply, or of a reply that another process generates.

    Args:
        position: how much of the log the reader already has, in code points.
        generation: the number of the generation of which the reader is given the log.
        opening: the instruction that the reader gets first, if it needs one.
        on_leave: the function to call with this reader when the reader leaves.
    """

    def __init__(
        self,
        position: int,
        *,
        generation: int = 1,
        opening: Stretch | None = None,
        on_leave: "Callable[[BufferedReader], object]" = lambda _: None,
    ) -> None:
        self._on_leave = on_leave
        #: How much of the log the reader has been given, in code points, including what is still in the buffer.
        self.position = position
        #: The number of the generation of which the reader is given the log.
        self.generation = generation
        #: How many polls in a row found less stored than the reader has. The feeder maintains it.
        self.ticks_ahead = 0
        self._end: End | None = None
        #: How many more code points fit into the buffer; none or less if it is full. A data part is never divided.
        self.room = MAX_BUFFERED_CHARS
        self._stretches: deque[Stretch] = deque(() if opening is None else (opening,))
        self._has_changed = asyncio.Event()

    @property
    def end(self) -> End | None:
        """Returns how the stream ends, or None until :meth:`finish` or :meth:`cut`."""
        return self._end

    def put(self, stretch: Stretch) -> None:
        """Appends a stretch, which begins where the reader's log ends."""
        self.room -= len(stretch.text)
        self.position = stretch.end_offset
        self._stretches.append(stretch)
        self.wake()

    def finish(self, log: Log, end: End) -> bool:
        """Appends the rest of the reply's log, or rewinds to its end, and ends the stream.

        Returns:
            Whether there was room for all of the log; otherwise the caller must repeat the call later.
        """
        if log.length < self.position:
            self.rewind(log.length)
        for stretch in log.stretches(self.position, self.room):
            self.put(stretch)
        if self.position < log.length:
            return False
        self.cut(end)
        return True

    def rewind(self, position: int) -> None:
        """Tells the reader, which has more than was stored, to keep only `position` code points."""
        self.position = position
        self._stretches.append(Stretch("", position))
        self.wake()

    def enter(self, place: Place) -> None:
        """Goes on in another generation of the reply, and tells the reader to keep only what is part of it."""
        self.position, self.generation = place.position, place.generation
        self._stretches.append(Stretch("", place.position, generation=place.generation))
        self.wake()

    @property
    def place(self) -> Place:
        """Returns up to where the reader has been given the reply."""
        return Place(self.position, self.generation)

    def cut(self, end: End) -> None:
        """Ends the stream after the buffered text. The first end counts."""
        self._end = self._end or end
        self.wake()

    def take(self) -> Stretch | None:
        """Removes the next stretch from the buffer and returns it, or None if the buffer is empty."""
        if not self._stretches:
            return None
        stretch = self._stretches.popleft()
        self.room += len(stretch.text)
        return stretch

    async def wait(self) -> None:
        """Returns when the buffer or the end has changed, or at :meth:`wake`."""
        await self._has_changed.wait()
        self._has_changed.clear()

    def offer(self, write: Callable[[Stretch], bool]) -> None:
        """Does nothing: chunks arrive only four times a second, so waking a task for each is cheap."""

    def leave(self) -> None:
        """Tells the feeder that the client has stopped reading."""
        self._on_leave(self)

    def wake(self) -> None:
        """Lets :meth:`wait` return now."""
        self._has_changed.set()
