"""Tests the background work of a process and how it ends."""

import asyncio

import pytest
from tests.unit.conftest import RecordingObserver
from tests.unit.settling import settle

from chatcore.errors import DrainingError
from chatcore.replies.background import Background
from chatcore_memory import FrozenClock


async def _never() -> None:
    await asyncio.Event().wait()


async def test_ending_also_cancels_and_awaits_tasks_that_start_meanwhile() -> None:
    clock = FrozenClock()
    background = Background(clock=clock, observer=RecordingObserver())
    late: list[asyncio.Task[None]] = []

    async def start_another() -> None:
        await clock.sleep(1)
        late.append(asyncio.create_task(_never()))
        background.keep(late[0])

    background.keep(asyncio.create_task(start_another()))
    ending = asyncio.ensure_future(background.end(5))
    await clock.elapse(1)
    await ending

    assert late[0].cancelled()


async def test_ending_cancels_a_task_when_time_is_up_and_waits_as_long_again() -> None:
    clock = FrozenClock()
    background = Background(clock=clock, observer=RecordingObserver())
    release = asyncio.Event()

    async def swallow_cancellation() -> None:
        try:
            await _never()
        except asyncio.CancelledError:
            await release.wait()

    background.keep(asyncio.create_task(swallow_cancellation()))
    ending = asyncio.ensure_future(background.end(5))
    await clock.elapse(9.9)
    is_early = ending.done()
    await clock.elapse(0.1)
    await ending
    release.set()
    await background.idle()

    assert not is_early


async def test_nothing_is_admitted_after_closing() -> None:
    background = Background(clock=FrozenClock(), observer=RecordingObserver())
    background.close()

    with pytest.raises(DrainingError):
        await background.admit(_never())


async def test_admitted_work_outlives_its_caller() -> None:
    background = Background(clock=FrozenClock(), observer=RecordingObserver())
    release, done = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await release.wait()
        done.set()

    caller = asyncio.create_task(background.admit(work()))
    await settle()
    caller.cancel()
    release.set()
    await background.idle()

    assert done.is_set()


async def test_the_failure_of_spawned_work_is_reported() -> None:
    observer = RecordingObserver()
    background = Background(clock=FrozenClock(), observer=observer)
    bug = RuntimeError("a bug")

    async def fail() -> None:
        raise bug

    background.spawn("working", fail)
    await settle()

    assert observer.failures == [("working", bug)]


async def test_closing_cancels_spawned_work() -> None:
    background = Background(clock=FrozenClock(), observer=RecordingObserver())
    ends: list[str] = []

    async def work() -> None:
        try:
            await _never()
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    background.spawn("working", work)
    await settle()
    background.close()
    await settle()

    assert ends == ["cancelled"]


async def test_work_spawned_after_closing_is_never_called() -> None:
    background = Background(clock=FrozenClock(), observer=RecordingObserver())
    calls: list[str] = []

    async def work() -> None:
        calls.append("called")

    background.close()
    background.spawn("working", work)
    await settle()

    assert calls == []
