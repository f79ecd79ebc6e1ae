"""Long work in slices, so that everybody else has a turn in between.

Everything shares one event loop. A conversation of fifty thousand messages read in one go would hold up all streams for
a second; in slices, for some milliseconds at a time.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

#: How many rows, messages and the like make up one slice: a millisecond or two.
SLICE = 500

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def slices(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """All of `items`, at most :data:`SLICE` at a time."""
    return (items[start : start + SLICE] for start in range(0, len(items), SLICE))


async def map_in_slices(work: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """`work` done to each of `items`; few of them are done at once, without a pause."""
    results: list[_Result] = []
    for part in slices(items):
        if results:
            await asyncio.sleep(0)
        results += map(work, part)
    return results
