"""Tests waiting for tasks with a bound that a clock measures."""

import asyncio

from chatcore.timed_wait import wait_at_most
from chatcore_memory import FrozenClock


async def test_it_returns_as_soon_as_all_tasks_are_done() -> None:
    clock = FrozenClock()
    tasks = [asyncio.create_task(asyncio.sleep(0)) for _ in range(3)]

    assert await wait_at_most(tasks, seconds=5, clock=clock) == set()
    assert clock.monotonic() == 0


async def test_it_returns_the_tasks_that_are_still_running_when_the_time_is_over() -> None:
    clock = FrozenClock()
    quick, slow = asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(clock.sleep(60))
    waiting = asyncio.ensure_future(wait_at_most([quick, slow], seconds=5, clock=clock))
    await clock.elapse(4.9)
    is_early = waiting.done()
    await clock.elapse(0.1)

    assert not is_early
    assert await waiting == {slow}
    assert not slow.done()
    slow.cancel()


async def test_nothing_to_wait_for_takes_no_time() -> None:
    assert await wait_at_most([], seconds=5, clock=FrozenClock()) == set()
