"""Provides an event loop that skips waiting, so that tests of minutes take no time."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

_DEADLOCK_SECONDS = 5.0


class _SkippingSelector(selectors.DefaultSelector):
    """Skips the wait for a timer and counts the seconds that it would have taken."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped_seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            ready = super().select(_DEADLOCK_SECONDS)
            assert ready, "all tasks wait for something that never happens"
            return ready
        ready = super().select(0)
        if not ready and timeout > 0:
            self.skipped_seconds += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Advances its clock to the next timer as soon as no task can run. Does not support sockets."""

    def __init__(self) -> None:
        self._skipping = _SkippingSelector()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Returns the seconds skipped so far."""
        return self._skipping.skipped_seconds


def run(test: Coroutine[Any, Any, T]) -> T:
    """Runs a test in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(test)


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Makes a coroutine function a test that runs in virtual time; its fixtures must not be asynchronous."""

    @functools.wraps(test)
    def run_test(*args: P.args, **kwargs: P.kwargs) -> None:
        run(test(*args, **kwargs))

    return run_test
