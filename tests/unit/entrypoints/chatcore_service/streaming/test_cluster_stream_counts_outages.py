"""An outage of the storage, or a slow or faulty one, refuses no stream and loses no count."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from tests.unit.conftest import until
from tests.unit.entrypoints.chatcore_service.streaming.process import (
    LIMIT,
    Process,
    RecordingStorage,
)

from chatcore import UserId
from chatcore.ports import COUNT_RENEWAL_SECONDS, COUNT_SECONDS
from chatcore.testing.samples import ALICE, BOB
from chatcore.testing.stream_counts.contract import elsewhere
from chatcore_memory import FrozenClock
from chatcore_service.http.refusals import TooManyStreamsError
from chatcore_service.streaming.cluster_stream_counts import (
    FAREWELL_SECONDS,
    PATIENCE_SECONDS,
    RETRY_SECONDS,
    TICK_SECONDS,
)


async def test_an_outage_refuses_nobody_and_all_counts_are_published_after_it(
    here: Process, there: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    await there.open(LIMIT)
    await here.open(1, BOB)
    await clock.elapse(TICK_SECONDS)
    storage.outage = True
    await clock.elapse(1)

    assert await here.admits()
    await here.open(3, BOB)
    await clock.elapse(COUNT_SECONDS)
    storage.outage = False
    await clock.elapse(RETRY_SECONDS + TICK_SECONDS)
    assert not await here.admits()
    assert await elsewhere(storage, user=BOB) == 4


async def test_counts_from_before_an_outage_are_used_until_they_expire(
    here: Process, there: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    await there.open(LIMIT - 1)
    await here.open(1)
    await clock.elapse(COUNT_RENEWAL_SECONDS + TICK_SECONDS)
    storage.outage = True

    assert not await here.admits()
    await clock.elapse(COUNT_SECONDS)
    assert await here.admits()
    await here.open(LIMIT - 1)
    with pytest.raises(TooManyStreamsError):
        await here.limiter.take(ALICE)


async def test_an_outage_is_reported_per_attempt_and_not_per_request(
    here: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    storage.outage = True
    for _ in range(1000):
        await here.limiter.take(ALICE)
        here.cluster_counts.remove(ALICE)
    await here.open(1)
    await clock.elapse(10)

    assert {what for what, _ in here.observer.failures} == {"counting streams"}
    assert len(here.observer.failures) <= 10 / RETRY_SECONDS


async def test_an_unexpected_error_does_not_end_the_task(
    here: Process, there: Process, storage: RecordingStorage, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> Mapping[UserId, int]:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(storage, "exchange_stream_counts", fail)
        await here.open(LIMIT)
        await clock.elapse(5)
    await clock.elapse(RETRY_SECONDS + TICK_SECONDS)

    assert not await there.admits()


async def test_a_lost_answer_is_made_up_for(
    here: Process, there: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    slots = await here.open(LIMIT)
    storage.lost_replies = 1
    await clock.elapse(TICK_SECONDS)
    for slot in slots:
        slot.release()
    await clock.elapse(RETRY_SECONDS + TICK_SECONDS)

    assert await there.admits()
    assert storage.published[1] == {ALICE: 0}


async def test_a_storage_that_hangs_delays_a_reader_only_briefly(
    here: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    storage.answers.clear()
    (slot,) = await here.open(1)
    confirming = asyncio.create_task(slot.confirm())

    await clock.elapse(PATIENCE_SECONDS)
    await confirming
    storage.answers.set()


async def test_a_cancelled_waiter_does_not_cancel_the_exchange_of_others(
    here: Process, storage: RecordingStorage
) -> None:
    storage.answers.clear()
    first, second, third = await here.open(3)
    waiting = [asyncio.create_task(slot.confirm()) for slot in (first, second, third)]
    await until(lambda: storage.published)

    waiting[0].cancel()
    waiting[1].cancel()
    storage.answers.set()
    await waiting[2]
    assert (waiting[0].cancelled(), len(storage.published)) == (True, 1)


async def test_a_refresh_during_an_exchange_waits_for_the_next_exchange(
    here: Process, storage: RecordingStorage
) -> None:
    storage.answers.clear()
    first, second = await here.open(2)
    waiting = [asyncio.create_task(first.confirm())]
    await until(lambda: storage.published)
    waiting += [asyncio.create_task(slot.confirm()) for slot in (second, second, second)]
    await asyncio.sleep(0)

    storage.answers.set()
    await asyncio.gather(*waiting)
    assert len(storage.published) == 2


@pytest.mark.parametrize("hangs", [True, False])
async def test_a_process_can_end_during_an_outage(
    here: Process, storage: RecordingStorage, clock: FrozenClock, *, hangs: bool
) -> None:
    (slot,) = await here.open(1)
    await clock.elapse(TICK_SECONDS)
    storage.outage = True
    if hangs:
        storage.answers.clear()

    closing = asyncio.create_task(here.cluster_counts.close())
    await clock.elapse(FAREWELL_SECONDS)
    await closing
    storage.answers.set()
    assert here.observer.failures
    slot.release()
    await slot.confirm()
