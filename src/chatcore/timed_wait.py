"""Waits for tasks with a bound that the clock port measures."""

import asyncio
from collections.abc import Collection
from typing import Any

from chatcore.ports.clock import Clock


async def wait_at_most(
    tasks: "Collection[asyncio.Task[Any]]", *, seconds: float, clock: Clock
) -> "set[asyncio.Task[Any]]":
    """Waits until all tasks are done, for at most `seconds`, and cancels none of them.

    `asyncio.wait` would count the event loop's seconds, which a test cannot advance.

    Returns:
        The tasks that are still running.
    """
    running = {task for task in tasks if not task.done()}
    if running:
        finished = asyncio.ensure_future(asyncio.wait(running))
        timer = asyncio.ensure_future(clock.sleep(seconds))
        try:
            await asyncio.wait((finished, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            finished.cancel()
            timer.cancel()
    return {task for task in running if not task.done()}
