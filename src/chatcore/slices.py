"""Long work in slices, so that everybody else has a turn in between.

Everything shares one event loop. A conversation of fifty thousand messages read in one go would hold up all streams for
a second; in slices, for some milliseconds at a time.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

#: How many rows, messages and the like make up one slice: a millisecond or two.
SLICE = 500

_Item = TypeVar("_Item")


async def slices(items: Sequence[_Item]) -> AsyncIterator[Sequence[_Item]]:
    """All items, some at a time; what is one slice comes without a pause."""
    for start in range(0, len(items), SLICE):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + SLICE]


async def taken_in_slices(items: list[_Item]) -> AsyncIterator[Sequence[_Item]]:
    """The same, and takes them out of the list: to free fifty thousand rows at once takes 20 ms."""
    while items:
        part = items[:SLICE]
        del items[:SLICE]
        yield part
        if items:
            await asyncio.sleep(0)
