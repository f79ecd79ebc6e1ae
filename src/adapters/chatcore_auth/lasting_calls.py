"""Runs calls that outlast the patience of their callers."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class LastingCalls:
    """Waits for calls up to a deadline, and lets a call that takes longer end by itself.

    A call over HTTP must not be cancelled: httpcore, if cancelled just after it has assigned a connection to a request,
    keeps the connection in its pool for good and never uses it again.
    """

    def __init__(self) -> None:
        self._calls: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """Returns how many calls are in progress."""
        return len(self._calls)

    def start(self, call: Coroutine[Any, Any, Result]) -> "asyncio.Task[Result]":
        """Starts a call."""
        task = asyncio.create_task(call)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return task

    @staticmethod
    async def result(task: "asyncio.Task[Result]", deadline: float) -> Result:
        """Returns the result of a call.

        Raises:
            TimeoutError: the call has not ended by the deadline, in seconds of the event loop's clock.
        """
        await asyncio.wait([task], timeout=deadline - asyncio.get_running_loop().time())
        if not task.done():
            raise TimeoutError
        return await task

    async def cancel(self) -> None:
        """Cancels all calls and waits until they have ended, before their connections are closed."""
        calls = tuple(self._calls)
        for task in calls:
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
