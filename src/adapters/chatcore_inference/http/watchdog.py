"""Notices replies that have gone silent, without a timer for each chunk."""

import asyncio
from contextlib import AbstractContextManager
from typing import Protocol

from attrs import define

from chatcore_inference.limits import InferenceTimeouts

_COARSEST_SECONDS = 1.0
_FINEST_SECONDS = 0.01


class Progress(Protocol):
    """Something whose getting on can be seen."""

    #: Set by each frame that carries data, and taken back by who has seen it. A number would cost a token more.
    has_got_on: bool


@define(eq=False)
class _Watch:
    """One reply under watch, for the time of a `with` block."""

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
    """One look around a tenth of the shortest timeout, at most once a second, for all replies together.

    A reply costs a comparison at each look, and nothing for its tokens. With no reply to watch it sleeps.
    """

    def __init__(self, timeouts: InferenceTimeouts) -> None:
        self._first_frame_seconds = timeouts.first_frame_seconds
        self._idle_seconds = timeouts.idle_seconds
        shortest = min(self._first_frame_seconds, self._idle_seconds)
        self._interval = max(_FINEST_SECONDS, min(_COARSEST_SECONDS, shortest / 10))
        self._watches: set[_Watch] = set()
        self._timer: asyncio.TimerHandle | None = None

    def watching(self, progress: Progress, limit: asyncio.Timeout) -> AbstractContextManager[None]:
        """Lets `limit`, which the caller has entered, expire as soon as `progress` has been silent for too long."""
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._timer = loop.call_later(self._interval, self._look, loop)
        return _Watch(self._watches, progress, limit, loop.time())

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for watch in self._watches:
            self._check(watch, now)
        self._timer = loop.call_later(self._interval, self._look, loop) if self._watches else None

    def _check(self, watch: _Watch, now: float) -> None:
        if watch.progress.has_got_on:
            watch.progress.has_got_on = False
            watch.has_begun, watch.since = True, now
        elif now - watch.since >= (self._idle_seconds if watch.has_begun else self._first_frame_seconds):
            self._expire(watch, now)

    @staticmethod
    def _expire(watch: _Watch, now: float) -> None:
        if not watch.limit.expired():  # It is expiring already when the reply's task is slow to end.
            watch.limit.reschedule(now)
