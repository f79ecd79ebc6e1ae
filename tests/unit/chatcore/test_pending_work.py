"""Tests that every sweep does the work that is due, whatever fails beside it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from chatcore.pending_work import PURGE_SECONDS, SWEEP_SECONDS, Chore, PendingWork, purge
from chatcore.ports import NullObserver
from chatcore_memory import FrozenClock, InMemoryStorage


class Failures(NullObserver):
    """Remembers what failed."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def failed(self, what: str, error: Exception) -> None:
        """Remembers the error."""
        assert what == "sweeping"
        self.errors.append(error)


class Errand:
    """Counts how often it is done, and fails when it is told to."""

    def __init__(self) -> None:
        self.times = 0
        self.error: Exception | None = None

    async def __call__(self) -> None:
        self.times += 1
        if self.error is not None:
            raise self.error


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def storage(clock: FrozenClock) -> InMemoryStorage:
    return InMemoryStorage(clock)


@pytest.fixture
def failures() -> Failures:
    return Failures()


@pytest.fixture
def pending(clock: FrozenClock, storage: InMemoryStorage, failures: Failures) -> Callable[..., PendingWork]:
    def build(
        *chores: Chore,
        is_draining: Callable[[], bool] = lambda: False,
        on_return: Callable[[], None] = lambda: None,
    ) -> PendingWork:
        return PendingWork(
            chores,
            storage=storage,
            clock=clock,
            observer=failures,
            is_draining=is_draining,
            on_return=on_return,
            jitter=lambda _low, _high: 1.0,
        )

    return build


async def test_work_that_fails_is_reported_and_does_not_keep_the_rest_from_being_done(
    pending: Callable[..., PendingWork], failures: Failures
) -> None:
    failing, other = Errand(), Errand()
    failing.error = RuntimeError("a row that cannot be read")
    work = pending(Chore(failing), Chore(other))

    assert [await work.sweep(), await work.sweep()] == [False, False]

    assert (failing.times, other.times) == (2, 2)
    assert failures.errors == [failing.error] * 2


async def test_rare_work_is_begun_no_more_often_than_it_says(
    pending: Callable[..., PendingWork], clock: FrozenClock
) -> None:
    often, rarely = Errand(), Errand()
    work = pending(Chore(often), Chore(rarely, 30))
    for _ in range(5):
        assert await work.sweep()
        await clock.elapse(10)

    assert (often.times, rarely.times) == (5, 2)


async def test_a_process_that_drains_begins_nothing(pending: Callable[..., PendingWork]) -> None:
    errand = Errand()

    assert await pending(Chore(errand), is_draining=lambda: True).sweep()

    assert errand.times == 0


async def test_sweeps_rest_while_the_storage_is_away_and_go_on_when_it_is_back(
    pending: Callable[..., PendingWork], clock: FrozenClock, storage: InMemoryStorage
) -> None:
    errand, returns = Errand(), Errand()

    def returned() -> None:
        returns.times += 1

    running = asyncio.create_task(pending(Chore(errand), on_return=returned).run())
    await clock.elapse(SWEEP_SECONDS)
    assert (errand.times, returns.times) == (1, 1)
    storage.outage, errand.error = True, RuntimeError("no connection")
    await clock.elapse(60)
    assert (errand.times, returns.times) == (2, 1)
    storage.outage, errand.error = False, None
    await clock.elapse(2 * SWEEP_SECONDS)
    assert (errand.times, returns.times) == (3, 2)
    running.cancel()


async def test_a_purge_deletes_batch_after_batch_until_nothing_is_left(pending: Callable[..., PendingWork]) -> None:
    rows, batches = 2_500, list[int]()

    async def delete(age_seconds: float, limit: int) -> int:
        nonlocal rows
        assert age_seconds == timedelta(hours=24).total_seconds()
        deleted = min(rows, limit)
        rows -= deleted
        batches.append(deleted)
        return deleted

    chore = purge(delete, age=timedelta(hours=24))
    work = pending(chore)
    await work.sweep()
    await work.sweep()

    assert batches == [1_000, 1_000, 500]
    assert chore.every_seconds == PURGE_SECONDS
