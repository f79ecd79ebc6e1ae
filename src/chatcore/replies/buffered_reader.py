"""Bounds the text that waits for a reader of a finished reply, or of a reply that another process generates."""

import asyncio
from collections import deque
from collections.abc import Callable

from chatcore.conversations.parts import Stretch
from chatcore.conversations.places import Place
from chatcore.replies.readers import MAX_CHUNK_CHARS, Reader
from chatcore.replies.transcript import End

#: Most code points that are buffered for a reader of a reply that another process generates.
MAX_BUFFERED_CHARS = 2 * MAX_CHUNK_CHARS


class BufferedReader(Reader[Stretch]):
    """Reads text that a feeder puts into its buffer.

    The text is that of a finished reply, or of a reply that another process generates.

    Args:
        offset: how much text the reader already has, in code points.
        generation: the number of the generation of which the reader is given the text.
        opening: the instruction that the reader gets first, if it needs one.
        on_leave: the function to call with this reader when the reader leaves.
    """

    def __init__(
        self,
        offset: int,
        *,
        generation: int = 1,
        opening: Stretch | None = None,
        on_leave: "Callable[[BufferedReader], object]" = lambda _: None,
    ) -> None:
        self._on_leave = on_leave
        #: How much text the reader has been given, in code points, including the text still in the buffer.
        self.offset = offset
        #: The number of the generation of which the reader is given the text.
        self.generation = generation
        #: How many polls in a row found less stored text than the reader has. The feeder maintains it.
        self.ticks_ahead = 0
        self._end: End | None = None
        #: How many more code points fit into the buffer.
        self.room = MAX_BUFFERED_CHARS
        self._stretches: deque[Stretch] = deque(() if opening is None else (opening,))
        self._has_changed = asyncio.Event()

    @property
    def end(self) -> End | None:
        """Returns how the stream ends, or None until :meth:`finish` or :meth:`cut`."""
        return self._end

    def put(self, text: str) -> None:
        """Appends as much of `text` as there is room for, and moves `offset` by that much."""
        text = text[: self.room]
        if text:
            self.room -= len(text)
            self.offset += len(text)
            self._stretches.append(Stretch(text, self.offset))
            self.wake()

    def finish(self, full_text: str, end: End) -> bool:
        """Appends the rest of the reply's full text, or rewinds to its length, and ends the stream.

        Returns:
            Whether there was room for all of the text; otherwise the caller must repeat the call later.
        """
        if len(full_text) < self.offset:
            self.rewind(len(full_text))
        else:
            self.put(full_text[self.offset :])
        if self.offset < len(full_text):
            return False
        self.cut(end)
        return True

    def rewind(self, offset: int) -> None:
        """Tells the reader, which has more text than was stored, to keep only `offset` code points."""
        self.offset = offset
        self._stretches.append(Stretch("", offset))
        self.wake()

    def enter(self, place: Place) -> None:
        """Goes on in another generation of the reply, and tells the reader to keep only what is part of it."""
        self.offset, self.generation = place.position, place.generation
        self._stretches.append(Stretch("", place.position, generation=place.generation))
        self.wake()

    @property
    def place(self) -> Place:
        """Returns up to where the reader has been given the reply."""
        return Place(self.offset, self.generation)

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
