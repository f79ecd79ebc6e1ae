"""Waits for tasks that wait for nothing but each other."""

import asyncio


async def settle() -> None:
    """Returns when every task has gone as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)
