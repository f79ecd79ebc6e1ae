"""Long work in slices, so that everybody else has a turn in between.

Everything shares one event loop. A conversation of fifty thousand messages read in one go would hold up all streams for
a second; in slices, for some milliseconds at a time.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

#: How many rows, messages and the like make up one slice: a millisecond or two.
SLICE = 500

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


async def in_slices(work: Callable[[Sequence[_Item]], Iterable[_Result]], items: Sequence[_Item]) -> list[_Result]:
    """What `work` makes of all `items`, given some of them at a time; what is one slice is done without a pause."""
    results: list[_Result] = []
    for start in range(0, len(items), SLICE):
        if start:
            await asyncio.sleep(0)
        results += work(items[start : start + SLICE])
    return results
