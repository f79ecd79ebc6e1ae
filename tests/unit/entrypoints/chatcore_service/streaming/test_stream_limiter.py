"""The limit of a user's open streams holds over all processes."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.entrypoints.chatcore_service.streaming.process import (
    LIMIT,
    Process,
    RecordingStorage,
)

from chatcore.testing.samples import ALICE, BOB
from chatcore_memory import FrozenClock
from chatcore_service.http.refusals import TooManyStreamsError
from chatcore_service.streaming.cluster_stream_counts import TICK_SECONDS
from chatcore_service.streaming.stream_limiter import SECOND_LOOK_SECONDS, Slot


async def test_a_single_process_grants_the_limit_and_no_more(here: Process) -> None:
    slots = await here.open(LIMIT)

    with pytest.raises(TooManyStreamsError):
        await here.limiter.take(ALICE)
    await here.open(1, BOB)
    slots[0].release()
    slots[0].release()
    await here.open(1)
    with pytest.raises(TooManyStreamsError):
        await here.limiter.take(ALICE)


@pytest.mark.parametrize(("open_there", "is_admitted"), [(LIMIT - 4, True), (LIMIT - 3, False)])
async def test_streams_on_other_processes_count(
    here: Process, there: Process, clock: FrozenClock, open_there: int, *, is_admitted: bool
) -> None:
    await there.open(open_there)
    await here.open(3)
    await clock.elapse(TICK_SECONDS)

    assert await here.admits() is is_admitted
    assert await there.admits() is is_admitted
    assert await here.admits(BOB)


async def test_a_refused_reader_is_admitted_once_a_stream_elsewhere_has_ended(
    here: Process, there: Process, clock: FrozenClock
) -> None:
    slots = await there.open(LIMIT)
    await clock.elapse(TICK_SECONDS)
    assert not await here.admits()

    slots[0].release()
    assert await here.admits()


async def test_a_reader_that_moves_between_processes_is_not_counted_twice(
    here: Process, there: Process, clock: FrozenClock
) -> None:
    slots = await there.open(LIMIT)
    await clock.elapse(TICK_SECONDS)
    deciding = asyncio.create_task(here.admits())
    await asyncio.sleep(0)

    slots[0].release()
    assert await deciding


async def test_concurrent_readers_on_all_processes_do_not_exceed_the_limit(
    storage: RecordingStorage, clock: FrozenClock
) -> None:
    processes = [Process(storage, clock) for _ in range(4)]
    outcomes: list[Slot | None] = []

    async def connect(process: Process) -> None:
        try:
            slot = await process.limiter.take(ALICE)
            await slot.confirm()
        except TooManyStreamsError:
            outcomes.append(None)
        else:
            outcomes.append(slot)

    readers = [asyncio.create_task(connect(process)) for process in processes for _ in range(10)]
    await clock.elapse(2 * SECOND_LOOK_SECONDS[1])
    await asyncio.gather(*readers)

    # Refused readers keep their slots here, so that later decisions count them too.
    assert len([slot for slot in outcomes if slot]) <= LIMIT
    for process in processes:
        await process.cluster_counts.close()


async def test_a_message_does_not_wait_for_the_storage(here: Process, storage: RecordingStorage) -> None:
    taking = here.limiter.take(ALICE)

    with pytest.raises(StopIteration):
        taking.send(None)
    assert storage.published == []


async def test_a_message_is_refused_by_the_known_counts(here: Process, there: Process, clock: FrozenClock) -> None:
    await there.open(LIMIT)
    # A process knows no counts of a user without a stream on it, so the first one is admitted.
    await here.open(1)
    await clock.elapse(TICK_SECONDS)

    taking = asyncio.create_task(here.limiter.take(ALICE))
    await clock.elapse(SECOND_LOOK_SECONDS[1])
    with pytest.raises(TooManyStreamsError):
        await taking
    assert here.cluster_counts.here(ALICE) == 1


async def test_a_message_is_not_refused_by_outdated_counts(here: Process, there: Process, clock: FrozenClock) -> None:
    slots = await there.open(LIMIT - 1)
    await here.open(1)
    await clock.elapse(TICK_SECONDS)
    for slot in slots:
        slot.release()
    await clock.elapse(TICK_SECONDS)

    await here.open(LIMIT - 1)
