"""Handles Ctrl-C and the other signals that request a stop."""

import signal
import time
from types import FrameType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TICK_SECONDS = 0.05


class StopRequestedError(Exception):
    """Reports that the person at the terminal, or the system, has requested a stop."""


class Interruption:
    """Counts the requests to stop, as a context manager that handles the signals.

    The signal handlers raise no exception: an exception between the start of a child process and the assignment of its
    handle would lose the process. Code that waits calls :meth:`pause`, which raises the exception instead.
    """

    def __init__(self) -> None:
        self.requests = 0
        self._previous: dict[signal.Signals, signal.Handlers | object] = {}

    def __enter__(self) -> Self:
        self._previous = {number: signal.signal(number, self._count) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # signal() accepts what it returned

    def pause(self) -> None:
        """Sleeps for 50 ms.

        Raises:
            StopRequestedError: a stop was requested, now or earlier.
        """
        if not self.requests:
            time.sleep(_TICK_SECONDS)
        if self.requests:
            raise StopRequestedError

    def _count(self, _signal: int, _frame: FrameType | None) -> None:
        self.requests += 1
