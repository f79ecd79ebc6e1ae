"""Lets tasks run that wait only for each other."""

import asyncio


async def settle() -> None:
    """Lets every task run until it waits for something else."""
    for _ in range(10):
        await asyncio.sleep(0)
