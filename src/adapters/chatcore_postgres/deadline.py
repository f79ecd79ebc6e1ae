"""A limit on how long a statement may take, and on how long it may take to give up."""

import asyncio
from types import TracebackType
from typing import Self


class Deadline:
    """Cancels the task in whose block it is when the time is over, and again where that does not end it.

    As two of :func:`asyncio.timeout` would do, one around the other, with one timer: every statement is under one.

    Args:
        seconds: until the block is cancelled.
        grace_seconds: after that, until it is cancelled once more.

    Raises:
        TimeoutError: at the end of the block, when the time was over.
    """

    __slots__ = ("_cancelling", "_expirations", "_grace_seconds", "_loop", "_seconds", "_task", "_timer")

    _task: "asyncio.Task[object]"
    _loop: asyncio.AbstractEventLoop
    _timer: asyncio.TimerHandle

    def __init__(self, seconds: float, *, grace_seconds: float) -> None:
        self._seconds = seconds
        self._grace_seconds = grace_seconds
        self._expirations = 0
        self._cancelling = 0

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline needs a task that it can cancel")
        self._task = task
        self._cancelling = task.cancelling()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(self._seconds, self._expire)
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if not self._expirations:
            return
        # What others cancelled meanwhile stays cancelled.
        left = [self._task.uncancel() for _ in range(self._expirations)][-1]
        if left <= self._cancelling and error_type is asyncio.CancelledError:
            raise TimeoutError from error

    def _expire(self) -> None:
        self._expirations += 1
        self._task.cancel()
        if self._expirations == 1:
            self._timer = self._loop.call_later(self._grace_seconds, self._expire)
