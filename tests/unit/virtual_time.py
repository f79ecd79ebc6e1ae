"""An event loop in which waiting takes no time: a test of minutes to the second, without a clock of its own."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_DEADLOCK_SECONDS = 5.0


class _SkippingSelector(selectors.DefaultSelector):
    """Never waits for a timer: says how much time it would have taken."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped_seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            ready = super().select(_DEADLOCK_SECONDS)
            assert ready, "everybody waits, and for nothing that will come"
            return ready
        ready = super().select(0)
        if not ready and timeout > 0:
            self.skipped_seconds += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Its clock moves when nobody has anything to do, and then at once to the next timer. Not for sockets."""

    def __init__(self) -> None:
        self._skipping = _SkippingSelector()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Seconds that have been skipped."""
        return self._skipping.skipped_seconds


def run(test: Coroutine[Any, Any, T]) -> T:
    """Runs a test in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(test)
