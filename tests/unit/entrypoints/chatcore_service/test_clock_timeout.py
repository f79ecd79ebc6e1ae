"""A timeout on the clock port."""

from __future__ import annotations

import asyncio

import pytest

from chatcore_memory import FrozenClock
from chatcore_service.clock_timeout import clock_timeout


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


async def wait(clock: FrozenClock, event: asyncio.Event, seconds: float) -> str:
    async with clock_timeout(clock, seconds):
        await event.wait()
    return "done"


async def test_a_block_that_takes_longer_than_the_clock_allows_is_cancelled(clock: FrozenClock) -> None:
    waiting = asyncio.create_task(wait(clock, asyncio.Event(), 60))

    await clock.elapse(59.9)
    assert not waiting.done()
    await clock.elapse(0.1)
    with pytest.raises(TimeoutError):
        await waiting


async def test_a_block_that_ends_in_time_leaves_no_timer_behind(clock: FrozenClock) -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(wait(clock, event, 60))
    await clock.sleepers(1)

    event.set()
    assert await waiting == "done"
    await clock.elapse(60)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_error_of_the_block_passes_through(clock: FrozenClock) -> None:
    with pytest.raises(ValueError, match="a bug"):
        async with clock_timeout(clock, 60):
            raise ValueError("a bug")


async def test_a_cancellation_from_outside_stays_a_cancellation(clock: FrozenClock) -> None:
    waiting = asyncio.create_task(wait(clock, asyncio.Event(), 60))
    await clock.sleepers(1)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
