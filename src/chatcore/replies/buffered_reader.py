"""Reading what somebody else puts in: text that comes a few times a second, or all at once."""

import asyncio
from collections import deque
from collections.abc import Callable

from chatcore.replies.readers import MAX_CHUNK_CHARS, Reader, Stretch
from chatcore.replies.transcript import End

#: Most that waits for a reader of a reply that another process makes.
MAX_BUFFERED_CHARS = 2 * MAX_CHUNK_CHARS


class BufferedReader(Reader[Stretch]):
    """Reads what somebody else puts in: the text of a finished reply, or of one that another process makes."""

    def __init__(self, offset: int, *, on_leave: "Callable[[BufferedReader], object]" = lambda _: None) -> None:
        self._on_leave = on_leave
        #: How much text the reader has been given, in code points.
        self.offset = offset
        #: For whoever puts in: for how many looks in a row there was less than the reader has.
        self.ticks_ahead = 0
        self._end: End | None = None
        #: How much can be put in before something is taken, in code points.
        self.room = MAX_BUFFERED_CHARS
        self._stretches: deque[Stretch] = deque()
        self._news = asyncio.Event()

    @property
    def end(self) -> End | None:
        """The end that was put in."""
        return self._end

    def put(self, text: str) -> None:
        """Adds text that follows what was put before, as much as there is room for: see `offset`."""
        text = text[: self.room]
        if text:
            self.room -= len(text)
            self.offset += len(text)
            self._stretches.append(Stretch(text, self.offset))
            self.wake()

    def finish(self, full_text: str, end: End) -> bool:
        """Adds what is missing of the reply's full text, or steps back to its length, and the end.

        Returns:
            Whether there was room for all of it; otherwise it is to be called again.
        """
        if len(full_text) < self.offset:
            self.step_back(len(full_text))
        else:
            self.put(full_text[self.offset :])
        if self.offset < len(full_text):
            return False
        self.cut(end)
        return True

    def step_back(self, offset: int) -> None:
        """Tells the reader, which was shown more, to keep `offset` code points only."""
        self.offset = offset
        self._stretches.append(Stretch("", offset))
        self.wake()

    def cut(self, end: End) -> None:
        """Ends the stream with what is in. The first end counts."""
        self._end = self._end or end
        self.wake()

    def take(self) -> Stretch | None:
        """The next stretch that was put in."""
        if not self._stretches:
            return None
        stretch = self._stretches.popleft()
        self.room += len(stretch.text)
        return stretch

    async def wait(self) -> None:
        """Returns when something was put in."""
        await self._news.wait()
        self._news.clear()

    def offer(self, write: Callable[[Stretch], bool]) -> None:
        """Never calls it: news come four times a second."""

    def leave(self) -> None:
        """Tells whoever puts in that nobody reads any more."""
        self._on_leave(self)

    def wake(self) -> None:
        """Lets :meth:`wait` return now."""
        self._news.set()
