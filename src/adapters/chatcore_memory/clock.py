"""Implements the clock port with a clock that tests control."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

from chatcore.ports import Clock

#: The time at which a frozen clock starts by default.
DEFAULT_START = datetime(2026, 1, 1, tzinfo=UTC)

#: The number of event loop iterations after waking a sleeper, enough to let it sleep again after several awaits.
_ITERATIONS_PER_WAKE_UP = 25


class FrozenClock(Clock):
    """Stands still until a test advances it.

    `sleep` returns when the clock has been advanced far enough, so a test of an hour of retries takes no real time and
    always runs in the same order::

        clock = FrozenClock()
        task = asyncio.create_task(poll_every_minute(clock))
        await clock.sleepers(1)  # Now the task is asleep.
        clock.advance(60)
    """

    def __init__(self, start: datetime = DEFAULT_START) -> None:
        self._start = start.astimezone(UTC)
        self._elapsed = 0.0
        self._sleepers: list[_Sleeper] = []
        self._order = itertools.count()
        self._watchers: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Returns the start time plus the time by which the clock was advanced."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Returns the seconds by which the clock was advanced so far."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Returns when the clock was advanced by `seconds`, or after one loop iteration if that is not positive."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = (self._elapsed + seconds, next(self._order), asyncio.get_running_loop().create_future())
        heapq.heappush(self._sleepers, sleeper)
        self._notify_watchers()
        try:
            await sleeper[2]
        finally:
            if sleeper in self._sleepers:
                self._sleepers.remove(sleeper)
                heapq.heapify(self._sleepers)

    def advance(self, seconds: float) -> None:
        """Moves the clock and wakes the sleepers whose time has come, in the order of their times.

        The sleepers run when the caller next awaits; all of them see the clock's new time.
        """
        self._require_forward(seconds)
        self._elapsed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            self._wake_next()

    async def elapse(self, seconds: float) -> None:
        """Moves the clock from one wake-up to the next, and lets each sleeper run before moving on.

        In contrast to :meth:`advance`, a task that sleeps for a second at a time wakes once for each second.
        """
        self._require_forward(seconds)
        end = self._elapsed + seconds
        await _run_others()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._elapsed = max(self._elapsed, self._sleepers[0][0])
            self._wake_next()
            await _run_others()
        self._elapsed = end

    async def sleepers(self, count: int = 1) -> None:
        """Waits until at least `count` tasks are asleep, so that advancing the clock will wake them."""
        if len(self._sleepers) >= count:
            return
        watcher = (count, asyncio.get_running_loop().create_future())
        self._watchers.append(watcher)
        try:
            await watcher[1]
        finally:
            if watcher in self._watchers:
                self._watchers.remove(watcher)

    def _wake_next(self) -> None:
        _, _, future = heapq.heappop(self._sleepers)
        if not future.done():
            future.set_result(None)

    def _notify_watchers(self) -> None:
        for count, future in self._watchers:
            if len(self._sleepers) >= count and not future.done():
                future.set_result(None)

    @staticmethod
    def _require_forward(seconds: float) -> None:
        if seconds < 0:
            raise ValueError("A clock does not go back.")


_Sleeper = tuple[float, int, "asyncio.Future[None]"]


async def _run_others() -> None:
    for _ in range(_ITERATIONS_PER_WAKE_UP):
        await asyncio.sleep(0)
