"""Detects replies that have gone silent, without a timer for each reply."""

import asyncio
from contextlib import AbstractContextManager
from typing import Protocol

from attrs import define

from chatcore_inference.limits import InferenceTimeouts

_COARSEST_SECONDS = 1.0
_FINEST_SECONDS = 0.01


class Progress(Protocol):
    """Shows whether a reply makes progress."""

    #: Whether an event with data has come since the watchdog cleared the flag. A count would make each token dearer.
    has_progress: bool


@define(eq=False)
class _Watch:
    """Watches one reply for the duration of a `with` block."""

    watches: "set[_Watch]"
    progress: Progress
    limit: asyncio.Timeout
    since: float
    has_begun: bool = False

    def __enter__(self) -> None:
        self.watches.add(self)

    def __exit__(self, *_: object) -> None:
        self.watches.discard(self)


class Watchdog:
    """Checks all replies together, every tenth of the shortest timeout and at least once a second.

    A reply costs a comparison for each check, and its tokens cost nothing. Without replies there is no timer.
    """

    def __init__(self, timeouts: InferenceTimeouts) -> None:
        self._first_frame_seconds = timeouts.first_frame_seconds
        self._idle_seconds = timeouts.idle_seconds
        shortest = min(self._first_frame_seconds, self._idle_seconds)
        self._interval = max(_FINEST_SECONDS, min(_COARSEST_SECONDS, shortest / 10))
        self._watches: set[_Watch] = set()
        self._timer: asyncio.TimerHandle | None = None

    def watching(self, progress: Progress, limit: asyncio.Timeout) -> AbstractContextManager[None]:
        """Makes `limit`, which the caller has entered, expire when `progress` has been silent for too long."""
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._timer = loop.call_later(self._interval, self._check_all, loop)
        return _Watch(self._watches, progress, limit, loop.time())

    def _check_all(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for watch in self._watches:
            self._check(watch, now)
        self._timer = loop.call_later(self._interval, self._check_all, loop) if self._watches else None

    def _check(self, watch: _Watch, now: float) -> None:
        if watch.progress.has_progress:
            watch.progress.has_progress = False
            watch.has_begun, watch.since = True, now
        elif now - watch.since >= (self._idle_seconds if watch.has_begun else self._first_frame_seconds):
            self._expire(watch, now)

    @staticmethod
    def _expire(watch: _Watch, now: float) -> None:
        if not watch.limit.expired():  # The reply's task may be slow to end after an earlier check.
            watch.limit.reschedule(now)
