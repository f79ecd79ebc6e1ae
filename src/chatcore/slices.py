"""Splits long work into slices, so that other tasks run in between.

All streams share one event loop. Reading a conversation of fifty thousand messages at once would block them for a
second; reading in slices blocks them for a few milliseconds at a time.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

#: How many rows or messages make up one slice, which takes a millisecond or two.
SLICE = 500

_Item = TypeVar("_Item")


async def slices(items: Sequence[_Item]) -> AsyncIterator[Sequence[_Item]]:
    """Yields all items in slices, and lets other tasks run between two slices."""
    for start in range(0, len(items), SLICE):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + SLICE]


async def taken_in_slices(items: list[_Item]) -> AsyncIterator[Sequence[_Item]]:
    """Yields all items in slices and removes them from the list: freeing fifty thousand rows at once takes 20 ms."""
    while items:
        part = items[:SLICE]
        del items[:SLICE]
        yield part
        if items:
            await asyncio.sleep(0)
