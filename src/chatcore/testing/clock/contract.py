"""Tests the contract of the clock port."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, timedelta

import pytest

from chatcore.ports.clock import Clock

_SECONDS = 0.02


@pytest.mark.asyncio
class ClockContract:
    """Tests the promises of every clock.

    A subclass provides the fixture `clock`. If that clock moves only on request, it also overrides :meth:`pass_time`.
    """

    async def pass_time(self, clock: Clock, seconds: float) -> None:
        """Lets `seconds` pass on `clock`, by default by waiting for that time."""
        await clock.sleep(seconds)

    async def test_now_is_in_utc(self, clock: Clock) -> None:
        assert clock.now().utcoffset() == UTC.utcoffset(None)

    async def test_now_moves_with_time(self, clock: Clock) -> None:
        before = clock.now()

        await self.pass_time(clock, _SECONDS)

        assert clock.now() > before
        assert clock.now() - before < timedelta(hours=1)

    async def test_monotonic_counts_seconds_and_never_goes_back(self, clock: Clock) -> None:
        readings = [clock.monotonic() for _ in range(100)]
        start = readings[-1]

        await self.pass_time(clock, _SECONDS)

        assert readings == sorted(readings)
        assert clock.monotonic() - start >= _SECONDS

    async def test_sleep_takes_at_least_the_given_time(self, clock: Clock) -> None:
        start = clock.monotonic()
        sleeper = await _started(clock.sleep(_SECONDS))

        assert not sleeper.done()
        await self.pass_time(clock, _SECONDS)
        await sleeper

        assert clock.monotonic() - start >= _SECONDS

    async def test_sleeping_for_zero_seconds_lets_other_tasks_run(self, clock: Clock) -> None:
        seen: list[str] = []
        other = asyncio.create_task(_record_run(seen))

        await clock.sleep(0)

        assert seen == ["ran"]
        await other

    async def test_the_shorter_sleep_ends_first(self, clock: Clock) -> None:
        woken: list[float] = []

        async def sleep(seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append(seconds)

        sleepers = [await _started(sleep(seconds)) for seconds in (3 * _SECONDS, _SECONDS, 2 * _SECONDS)]
        await self.pass_time(clock, 3 * _SECONDS)
        await asyncio.gather(*sleepers)

        assert woken == [_SECONDS, 2 * _SECONDS, 3 * _SECONDS]

    async def test_a_sleep_can_be_cancelled(self, clock: Clock) -> None:
        sleeper = await _started(clock.sleep(3600))

        sleeper.cancel()

        with pytest.raises(asyncio.CancelledError):
            await sleeper

    async def test_a_cancelled_sleep_leaves_the_others_asleep(self, clock: Clock) -> None:
        cancelled, other = [await _started(clock.sleep(_SECONDS)) for _ in range(2)]

        cancelled.cancel()
        await asyncio.wait([cancelled])

        assert not other.done()
        await self.pass_time(clock, _SECONDS)
        await other


async def _record_run(seen: list[str]) -> None:
    seen.append("ran")


async def _started(sleep: Coroutine[None, None, None]) -> "asyncio.Task[None]":
    """Starts a task and runs it to its first await."""
    task = asyncio.create_task(sleep)
    await asyncio.sleep(0)
    return task
