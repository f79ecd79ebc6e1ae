"""Tests the frozen clock against the contract, and how a test moves it."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from chatcore.ports import Clock
from chatcore.testing import ClockContract
from chatcore_memory import FrozenClock


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


class TestFrozenClock(ClockContract):
    async def pass_time(self, clock: Clock, seconds: float) -> None:
        assert isinstance(clock, FrozenClock)
        clock.advance(seconds)


async def test_it_stands_still_until_it_is_advanced() -> None:
    start = datetime(2026, 11, 22, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    clock = FrozenClock(start)

    readings = [(clock.now(), clock.monotonic())]
    await asyncio.sleep(0)
    readings.append((clock.now(), clock.monotonic()))
    clock.advance(90)
    readings.append((clock.now(), clock.monotonic()))

    assert readings == [(start, 0), (start, 0), (datetime(2026, 11, 22, 12, 1, 30, tzinfo=UTC), 90)]


async def test_advancing_wakes_exactly_the_sleepers_whose_time_has_come(clock: FrozenClock) -> None:
    sleepers = [asyncio.create_task(clock.sleep(seconds)) for seconds in (1, 2, 3)]
    await clock.sleepers(3)

    clock.advance(2)
    await asyncio.wait(sleepers[:2])
    assert [sleeper.done() for sleeper in sleepers] == [True, True, False]

    clock.advance(1)
    await asyncio.gather(*sleepers)


async def test_elapse_wakes_a_repeated_sleeper_each_time(clock: FrozenClock) -> None:
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            await clock.sleep(0.25)
            ticks.append(clock.monotonic())

    ticker = asyncio.create_task(tick())
    await clock.elapse(1)
    ticker.cancel()

    assert ticks == [0.25, 0.5, 0.75, 1.0]
    assert clock.monotonic() == 1


async def test_waiting_for_sleepers_ends_when_enough_are_asleep(clock: FrozenClock) -> None:
    waiter = asyncio.create_task(clock.sleepers(2))
    sleepers = [asyncio.create_task(clock.sleep(1))]
    await clock.sleepers()
    assert not waiter.done()

    sleepers.append(asyncio.create_task(clock.sleep(1)))
    await waiter

    clock.advance(1)
    await asyncio.gather(*sleepers)


async def test_a_cancelled_sleeper_is_forgotten(clock: FrozenClock) -> None:
    cancelled = asyncio.create_task(clock.sleep(1))
    await clock.sleepers()

    cancelled.cancel()
    await asyncio.wait([cancelled])
    waiter = asyncio.create_task(clock.sleepers())
    await asyncio.sleep(0)

    assert not waiter.done()
    waiter.cancel()
    await asyncio.wait([waiter])


async def test_it_cannot_go_back(clock: FrozenClock) -> None:
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="does not go back"):
        await clock.elapse(-1)
