"""The clock port by hand."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

from chatcore.ports import Clock

#: When a frozen clock starts, unless told otherwise.
DEFAULT_START = datetime(2026, 1, 1, tzinfo=UTC)

#: How often others get their turn after a sleeper woke: enough for it to fall asleep again through several awaits.
_TURNS_PER_WAKING = 25


class FrozenClock(Clock):
    """Stands still until it is advanced.

    Sleepers sleep until the clock was advanced past their time, so a test of an hour of retries takes no time and
    always the same course::

        clock = FrozenClock()
        task = asyncio.create_task(poll_every_minute(clock))
        await clock.sleepers(1)  # It is asleep now.
        clock.advance(60)
    """

    def __init__(self, start: datetime = DEFAULT_START) -> None:
        self._start = start.astimezone(UTC)
        self._elapsed = 0.0
        self._sleepers: list[_Sleeper] = []
        self._order = itertools.count()
        self._watchers: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The instant at which the clock stands."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds by which the clock was advanced so far."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Returns when the clock has been advanced by `seconds`; at the next turn if that is zero or less."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = (self._elapsed + seconds, next(self._order), asyncio.get_running_loop().create_future())
        heapq.heappush(self._sleepers, sleeper)
        self._tell_watchers()
        try:
            await sleeper[2]
        finally:
            if sleeper in self._sleepers:
                self._sleepers.remove(sleeper)
                heapq.heapify(self._sleepers)

    def advance(self, seconds: float) -> None:
        """Moves the clock and wakes whose time has come, in the order of their times.

        The woken run when the caller next awaits; each of them finds the clock at its new time.
        """
        self._require_forward(seconds)
        self._elapsed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            self._wake_next()

    async def elapse(self, seconds: float) -> None:
        """Moves the clock from sleeper to sleeper, letting each run before it goes on.

        Unlike after :meth:`advance`, who sleeps a second at a time wakes once for each second.
        """
        self._require_forward(seconds)
        end = self._elapsed + seconds
        await _let_others_run()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._elapsed = max(self._elapsed, self._sleepers[0][0])
            self._wake_next()
            await _let_others_run()
        self._elapsed = end

    async def sleepers(self, count: int = 1) -> None:
        """Returns as soon as at least `count` tasks are asleep, so that advancing the clock will find them."""
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

    def _tell_watchers(self) -> None:
        for count, future in self._watchers:
            if len(self._sleepers) >= count and not future.done():
                future.set_result(None)

    @staticmethod
    def _require_forward(seconds: float) -> None:
        if seconds < 0:
            raise ValueError("A clock does not go back.")


_Sleeper = tuple[float, int, "asyncio.Future[None]"]


async def _let_others_run() -> None:
    for _ in range(_TURNS_PER_WAKING):
        await asyncio.sleep(0)
