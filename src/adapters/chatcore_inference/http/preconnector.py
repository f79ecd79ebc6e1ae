"""Connections that are made before somebody wants them."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context

import httpx

from chatcore_inference.http.origin import Origin


class Preconnector:
    """Has one made at a time for each origin, in the background.

    One that cannot be made is let be: whoever needs it will make one, and be told why it cannot be done.

    Args:
        make: makes one, within so many seconds, and puts it where it will be found.
    """

    def __init__(self, make: Callable[[Origin, float | None], Coroutine[None, None, None]]) -> None:
        self._make = make
        self._under_way: dict[Origin, asyncio.Task[None]] = {}

    def prepare(self, origin: Origin, seconds: float | None) -> None:
        """Begins to make one, unless one is under way."""
        if origin in self._under_way:
            return
        # In a context of its own: it serves others than the request that happened to come just now.
        self._under_way[origin] = asyncio.create_task(self._try(origin, seconds), context=Context())

    async def close(self) -> None:
        """Gives up what is under way; returns when nothing is."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _try(self, origin: Origin, seconds: float | None) -> None:
        try:
            with suppress(httpx.TransportError):
                await self._make(origin, seconds)
        finally:
            # At once: whoever takes the one that was made may run before this task counts as done.
            del self._under_way[origin]
