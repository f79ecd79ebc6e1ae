"""A user's limit of open streams holds over all processes."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.entrypoints.chatcore_service.streaming.cluster_stream_counts.process import (
    LIMIT,
    Process,
    RecordingStorage,
)

from chatcore.testing.samples import ALICE, BOB
from chatcore_memory import FrozenClock
from chatcore_service.http.refusals import TooManyStreamsError
from chatcore_service.streaming.cluster_stream_counts import TICK_SECONDS
from chatcore_service.streaming.stream_limiter import SECOND_LOOK_SECONDS, Slot


async def test_a_process_by_itself_grants_the_limit_and_no_more(here: Process) -> None:
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


async def test_who_is_refused_here_is_let_in_once_a_stream_has_ended_there(
    here: Process, there: Process, clock: FrozenClock
) -> None:
    slots = await there.open(LIMIT)
    await clock.elapse(TICK_SECONDS)
    assert not await here.admits()

    slots[0].release()
    assert await here.admits()


async def test_a_reader_who_has_just_left_the_other_process_is_no_reader_too_many(
    here: Process, there: Process, clock: FrozenClock
) -> None:
    slots = await there.open(LIMIT)
    await clock.elapse(TICK_SECONDS)
    deciding = asyncio.create_task(here.admits())
    await asyncio.sleep(0)

    slots[0].release()
    assert await deciding


async def test_readers_who_come_to_all_processes_at_once_do_not_get_past_the_limit(
    storage: RecordingStorage, clock: FrozenClock
) -> None:
    processes = [Process(storage, clock) for _ in range(4)]
    outcomes: list[Slot | None] = []

    async def come(process: Process) -> None:
        try:
            slot = await process.limiter.take(ALICE)
            await slot.confirm()
        except TooManyStreamsError:
            outcomes.append(None)
        else:
            outcomes.append(slot)

    comers = [asyncio.create_task(come(process)) for process in processes for _ in range(10)]
    await clock.elapse(2 * SECOND_LOOK_SECONDS[1])
    await asyncio.gather(*comers)

    # StreamLimiter of the refused are never given back here, so that whoever decides late counts them too.
    assert len([slot for slot in outcomes if slot]) <= LIMIT
    for process in processes:
        await process.cluster_counts.close()


async def test_a_message_waits_for_no_look_at_the_storage(here: Process, storage: RecordingStorage) -> None:
    taking = here.limiter.take(ALICE)

    with pytest.raises(StopIteration):
        taking.send(None)
    assert storage.said == []


async def test_a_message_is_refused_by_what_is_known(here: Process, there: Process, clock: FrozenClock) -> None:
    await there.open(LIMIT)
    # Nothing is known of a user who has no stream here yet: the first one is let in.
    await here.open(1)
    await clock.elapse(TICK_SECONDS)

    taking = asyncio.create_task(here.limiter.take(ALICE))
    await clock.elapse(SECOND_LOOK_SECONDS[1])
    with pytest.raises(TooManyStreamsError):
        await taking
    assert here.cluster_counts.here(ALICE) == 1


async def test_a_message_is_not_refused_by_what_is_no_longer_true(
    here: Process, there: Process, clock: FrozenClock
) -> None:
    slots = await there.open(LIMIT - 1)
    await here.open(1)
    await clock.elapse(TICK_SECONDS)
    for slot in slots:
        slot.release()
    await clock.elapse(TICK_SECONDS)

    await here.open(LIMIT - 1)
