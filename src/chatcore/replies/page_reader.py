"""Reading a long reply that is finished: a page at a time, so that one who does not read holds little of it."""

from collections.abc import Awaitable, Callable

from chatcore.replies.buffered_reader import MAX_BUFFERED_CHARS
from chatcore.replies.readers import Reader, Stretch
from chatcore.replies.transcript import RECONNECT, End

#: In code points, of which Python keeps each in four bytes at most. What is no longer than that fits a mailbox.
MAX_PAGE_CHARS = MAX_BUFFERED_CHARS


class PageReader(Reader[Stretch]):
    """Reads text of which only the page at hand is in memory.

    Args:
        offset: where it begins, in code points.
        text: all of it, of which the first page is kept.
        end: how the stream ends once everything was taken.
        fetch: the page from an offset on, never empty before the end; None when it is not to be had now.
    """

    __slots__ = ("_end", "_fetch", "_length", "_offset", "_page")

    def __init__(self, offset: int, text: str, end: End, fetch: Callable[[int], Awaitable[str | None]]) -> None:
        self._offset = offset
        self._length = len(text)
        self._end = end
        self._fetch = fetch
        self._page = page(text, offset)

    @property
    def end(self) -> End | None:
        """See :meth:`Reader.end`."""
        return self._end if self._offset == self._length else None

    def take(self) -> Stretch | None:
        """The page at hand."""
        if not self._page:
            return None
        text, self._page = self._page, ""
        self._offset += len(text)
        return Stretch(text, self._offset)

    async def wait(self) -> None:
        """Returns with the next page; without one the reader is to come back."""
        fetched = await self._fetch(self._offset)
        if fetched:
            self._page = fetched
        else:
            self._length, self._end = self._offset, RECONNECT

    def wake(self) -> None:
        """Nothing: a page does not take long."""

    def offer(self, write: Callable[[Stretch], bool]) -> None:
        """Never calls it: there are no news."""

    def leave(self) -> None:
        """Nothing: nobody feeds it."""


def page(text: str, offset: int) -> str:
    """The page of `text` that begins at `offset`."""
    return text[offset : offset + MAX_PAGE_CHARS]
