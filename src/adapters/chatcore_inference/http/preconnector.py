"""Opens connections before a request needs them."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context

import httpx

from chatcore_inference.http.origin import Origin


class Preconnector:
    """Opens connections in the background, one at a time for each origin.

    Failures are ignored: the next request tries again and reports why no connection can be made.

    Args:
        connect: the function that opens a connection within so many seconds and makes it available.
    """

    def __init__(self, connect: Callable[[Origin, float | None], Coroutine[None, None, None]]) -> None:
        self._connect = connect
        self._under_way: dict[Origin, asyncio.Task[None]] = {}

    def prepare(self, origin: Origin, seconds: float | None) -> None:
        """Begins to open a connection, unless one is being opened."""
        if origin in self._under_way:
            return
        # The task has a context of its own, because the connection does not belong to the request that triggered it.
        self._under_way[origin] = asyncio.create_task(self._try(origin, seconds), context=Context())

    async def close(self) -> None:
        """Cancels all attempts and returns when they have ended."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _try(self, origin: Origin, seconds: float | None) -> None:
        try:
            with suppress(httpx.TransportError):
                await self._connect(origin, seconds)
        finally:
            # The entry is removed here, because a caller that takes the connection may run before this task is done.
            del self._under_way[origin]
