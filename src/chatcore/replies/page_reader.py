"""Reads a long finished reply page by page, so that a slow reader keeps little of it in memory."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

from chatcore.conversations.log import Stretch
from chatcore.replies.buffered_reader import MAX_BUFFERED_CHARS
from chatcore.replies.readers import Reader
from chatcore.replies.transcript import RECONNECT, End

#: Most code points of a page; Python keeps each in four bytes at most. Shorter logs fit a BufferedReader.
MAX_PAGE_CHARS = MAX_BUFFERED_CHARS


class PageReader(Reader[Stretch]):
    """Reads a log of which only the current page is in memory.

    Args:
        position: where the reader starts, in code points.
        length: the length of the log, in code points.
        page: the first page, with the instruction that the reader gets first, if it needs one.
        end: how the stream ends after the last page.
        fetch: the function that returns the page from a position on, which is never empty before the end of the log;
            None if the page is unavailable now.
    """

    __slots__ = ("_end", "_fetch", "_length", "_page", "_position")

    def __init__(
        self,
        position: int,
        length: int,
        page: Iterable[Stretch],
        end: End,
        fetch: Callable[[int], Awaitable[Sequence[Stretch] | None]],
    ) -> None:
        self._position = position
        self._length = length
        self._end = end
        self._fetch = fetch
        self._page = deque(page)

    @property
    def end(self) -> End | None:
        """Returns how the stream ends once the last page is taken, as :attr:`Reader.end` says."""
        return self._end if self._position == self._length else None

    def take(self) -> Stretch | None:
        """Returns the next stretch of the current page, or None until :meth:`wait` has fetched the next page."""
        if not self._page:
            return None
        stretch = self._page.popleft()
        self._position = stretch.end_offset
        return stretch

    async def wait(self) -> None:
        """Fetches the next page; if it is unavailable, the stream ends and its reader is told to reconnect."""
        page = await self._fetch(self._position)
        if page:
            # The reply may have been continued meanwhile.
            self._page.extend(stretch.up_to(self._length) for stretch in _beginning_before(self._length, page))
        else:
            self._length, self._end = self._position, RECONNECT

    def wake(self) -> None:
        """Does nothing: fetching a page does not take long."""

    def offer(self, write: Callable[[Stretch], bool]) -> None:
        """Does nothing: chunks are fetched and do not arrive by themselves."""

    def leave(self) -> None:
        """Does nothing: no feeder refers to the reader."""


def _beginning_before(position: int, page: Iterable[Stretch]) -> Iterator[Stretch]:
    return (stretch for stretch in page if stretch.end_offset - len(stretch.text) < position)
