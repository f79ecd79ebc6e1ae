"""Limits the time of a block by the clock port, so that a test need not wait for the timeout."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from chatcore.ports import Clock


@asynccontextmanager
async def clock_timeout(clock: Clock, seconds: float) -> AsyncGenerator[None]:
    """Cancels the block after `seconds` of the clock; otherwise acts like `asyncio.timeout`.

    Raises:
        TimeoutError: the block was cancelled.
    """
    async with asyncio.timeout(None) as block:
        expiry = asyncio.create_task(_expire(block, clock, seconds), name="timeout")
        try:
            yield
        finally:
            expiry.cancel()


async def _expire(block: asyncio.Timeout, clock: Clock, seconds: float) -> None:
    await clock.sleep(seconds)
    block.reschedule(asyncio.get_running_loop().time())
