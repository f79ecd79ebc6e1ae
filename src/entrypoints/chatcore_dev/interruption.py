"""Ctrl-C and its relatives, noticed where it is safe to stop."""

import signal
import time
from types import FrameType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TICK_SECONDS = 0.05


class StopRequestedError(Exception):
    """The person at the terminal, or the system, wants the end."""


class Interruption:
    """Counts requests to stop while it is entered.

    Nothing is thrown into running code, in which a child process could be lost between its start and the note that
    it was started: whoever waits, waits here, and is told.
    """

    def __init__(self) -> None:
        self.requests = 0
        self._previous: dict[signal.Signals, signal.Handlers | object] = {}

    def __enter__(self) -> Self:
        self._previous = {number: signal.signal(number, self._noticed) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() gave, it takes back

    def pause(self) -> None:
        """Returns after a moment.

        Raises:
            StopRequestedError: the end was requested, now or earlier.
        """
        if not self.requests:
            time.sleep(_TICK_SECONDS)
        if self.requests:
            raise StopRequestedError

    def _noticed(self, _signal: int, _frame: FrameType | None) -> None:
        self.requests += 1
