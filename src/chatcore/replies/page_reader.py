"""Reads a long finished reply page by page, so that a slow reader keeps little of it in memory."""

from collections.abc import Awaitable, Callable

from chatcore.conversations.parts import Stretch
from chatcore.replies.buffered_reader import MAX_BUFFERED_CHARS
from chatcore.replies.readers import Reader
from chatcore.replies.transcript import RECONNECT, End

#: Most code points of a page; Python keeps each in four bytes at most. Shorter texts fit a BufferedReader.
MAX_PAGE_CHARS = MAX_BUFFERED_CHARS


class PageReader(Reader[Stretch]):
    """Reads a text of which only the current page is in memory.

    Args:
        offset: where the reader starts, in code points.
        text: the full text, of which the reader keeps the first page.
        end: how the stream ends after the last page.
        fetch: the function that returns the page from an offset on, which is never empty before the end of the text;
            None if the page is unavailable now.
        opening: the instruction that the reader gets first, if it needs one.
    """

    __slots__ = ("_end", "_fetch", "_length", "_offset", "_opening", "_page")

    def __init__(
        self,
        offset: int,
        text: str,
        end: End,
        fetch: Callable[[int], Awaitable[str | None]],
        *,
        opening: Stretch | None = None,
    ) -> None:
        self._opening = opening
        self._offset = offset
        self._length = len(text)
        self._end = end
        self._fetch = fetch
        self._page = page(text, offset)

    @property
    def end(self) -> End | None:
        """Returns how the stream ends once the last page is taken, as :attr:`Reader.end` says."""
        return self._end if self._offset == self._length else None

    def take(self) -> Stretch | None:
        """Returns the current page, or None until :meth:`wait` has fetched the next one."""
        if self._opening is not None:
            opening, self._opening = self._opening, None
            return opening
        if not self._page:
            return None
        text, self._page = self._page, ""
        self._offset += len(text)
        return Stretch(text, self._offset)

    async def wait(self) -> None:
        """Fetches the next page; if it is unavailable, the stream ends and its reader is told to reconnect."""
        fetched = await self._fetch(self._offset)
        if fetched:
            # The reply may have been continued meanwhile.
            self._page = fetched[: self._length - self._offset]
        else:
            self._length, self._end = self._offset, RECONNECT

    def wake(self) -> None:
        """Does nothing: fetching a page does not take long."""

    def offer(self, write: Callable[[Stretch], bool]) -> None:
        """Does nothing: chunks are fetched and do not arrive by themselves."""

    def leave(self) -> None:
        """Does nothing: no feeder refers to the reader."""


def page(text: str, offset: int) -> str:
    """Returns the page of `text` that starts at `offset`."""
    return text[offset : offset + MAX_PAGE_CHARS]
