"""What processes say of their streams: rarely, together, and for a while only."""

from __future__ import annotations

import asyncio

from tests.unit.entrypoints.chatcore_service.streaming.cluster_stream_counts.process import (
    LIMIT,
    Process,
    RecordingStorage,
)

from chatcore.ports import COUNT_RENEWAL_SECONDS, COUNT_SECONDS
from chatcore.testing.samples import ALICE, BOB
from chatcore.testing.stream_counts.contract import a_process
from chatcore_memory import FrozenClock
from chatcore_service.streaming.cluster_stream_counts import TICK_SECONDS


async def test_there_is_no_statement_and_no_task_while_nobody_has_a_stream(
    here: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    before = len(asyncio.all_tasks())
    await clock.elapse(60)
    assert (storage.said, len(asyncio.all_tasks())) == ([], before)

    (slot,) = await here.open(1)
    await clock.elapse(TICK_SECONDS)
    slot.release()
    await clock.elapse(1)
    assert storage.said == [{ALICE: 1}, {ALICE: 0}]
    assert len(asyncio.all_tasks()) == before


async def test_changes_go_along_together_and_only_who_changed(
    here: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    users = [f"user-{number}" for number in range(500)]
    for user in users:
        await here.open(2, user)
    await clock.elapse(TICK_SECONDS)
    await here.open(1, BOB)
    await clock.elapse(10 * TICK_SECONDS)

    assert storage.said == [dict.fromkeys(users, 2), {BOB: 1}]


async def test_there_is_at_most_one_statement_a_tick_however_much_changes(
    here: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    for _ in range(100):
        (slot,) = await here.open(1)
        await clock.elapse(TICK_SECONDS / 10)
        slot.release()

    assert len(storage.said) <= 10 + 1


async def test_who_comes_and_goes_within_a_tick_is_not_spoken_of(
    here: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    (slot,) = await here.open(1)
    slot.release()
    await clock.elapse(10)

    assert storage.said == []


async def test_counts_are_said_again_before_they_run_out(
    here: Process, there: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    await here.open(LIMIT)
    await clock.elapse(10 * COUNT_SECONDS)

    assert not await there.admits()
    seconds = 10 * COUNT_SECONDS
    assert len([said for said in storage.said if said == {ALICE: LIMIT}]) <= seconds / COUNT_RENEWAL_SECONDS + 2


async def test_what_a_killed_process_has_said_holds_for_fifteen_seconds(
    here: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    await storage.exchange_stream_counts(a_process(), {ALICE: LIMIT})

    await clock.elapse(COUNT_SECONDS - 2)
    assert not await here.admits()
    await clock.elapse(2)
    assert await here.admits()


async def test_what_has_run_out_is_swept_away(here: Process, storage: RecordingStorage, clock: FrozenClock) -> None:
    await storage.exchange_stream_counts(a_process(), {BOB: 1})
    await here.open(1)
    await clock.elapse(130)

    assert storage.sweeps == 2
    assert await storage.forget_stream_counts(10) == 0


async def test_a_process_that_ends_takes_back_what_it_said(
    here: Process, there: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    limiter = await here.open(LIMIT)
    await here.open(1, BOB)
    await clock.elapse(TICK_SECONDS)

    await here.cluster_counts.close()
    assert storage.said[-1] == {ALICE: 0, BOB: 0}
    assert await there.admits()
    for slot in limiter:
        slot.release()
    assert here.cluster_counts.here(ALICE) == 0
