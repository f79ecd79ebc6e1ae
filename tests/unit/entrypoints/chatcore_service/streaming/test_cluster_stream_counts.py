"""Stream counts are published rarely, together, and for a limited time."""

from __future__ import annotations

import asyncio

from tests.unit.entrypoints.chatcore_service.streaming.process import (
    LIMIT,
    Process,
    RecordingStorage,
)

from chatcore.ports import COUNT_RENEWAL_SECONDS, COUNT_SECONDS
from chatcore.testing.samples import ALICE, BOB
from chatcore.testing.stream_counts.contract import a_process
from chatcore_memory import FrozenClock
from chatcore_service.streaming.cluster_stream_counts import TICK_SECONDS


async def test_no_statement_and_no_task_runs_while_no_stream_is_open(
    here: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    before = len(asyncio.all_tasks())
    await clock.elapse(60)
    assert (storage.published, len(asyncio.all_tasks())) == ([], before)

    (slot,) = await here.open(1)
    await clock.elapse(TICK_SECONDS)
    slot.release()
    await clock.elapse(1)
    assert storage.published == [{ALICE: 1}, {ALICE: 0}]
    assert len(asyncio.all_tasks()) == before


async def test_only_changed_counts_are_published_and_all_of_them_at_once(
    here: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    users = [f"user-{number}" for number in range(500)]
    for user in users:
        await here.open(2, user)
    await clock.elapse(TICK_SECONDS)
    await here.open(1, BOB)
    await clock.elapse(10 * TICK_SECONDS)

    assert storage.published == [dict.fromkeys(users, 2), {BOB: 1}]


async def test_at_most_one_statement_runs_in_a_tick(
    here: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    for _ in range(100):
        (slot,) = await here.open(1)
        await clock.elapse(TICK_SECONDS / 10)
        slot.release()

    assert len(storage.published) <= 10 + 1


async def test_a_stream_that_opens_and_closes_within_a_tick_is_not_published(
    here: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    (slot,) = await here.open(1)
    slot.release()
    await clock.elapse(10)

    assert storage.published == []


async def test_counts_are_renewed_before_they_expire(
    here: Process, there: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    await here.open(LIMIT)
    await clock.elapse(10 * COUNT_SECONDS)

    assert not await there.admits()
    seconds = 10 * COUNT_SECONDS
    assert (
        len([counts for counts in storage.published if counts == {ALICE: LIMIT}]) <= seconds / COUNT_RENEWAL_SECONDS + 2
    )


async def test_the_counts_of_a_killed_process_expire_after_fifteen_seconds(
    here: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    await storage.exchange_stream_counts(a_process(), {ALICE: LIMIT})

    await clock.elapse(COUNT_SECONDS - 2)
    assert not await here.admits()
    await clock.elapse(2)
    assert await here.admits()


async def test_expired_counts_are_deleted(here: Process, storage: RecordingStorage, clock: FrozenClock) -> None:
    await storage.exchange_stream_counts(a_process(), {BOB: 1})
    await here.open(1)
    await clock.elapse(130)

    assert storage.cleanups == 2
    assert await storage.forget_stream_counts(10) == 0


async def test_a_process_that_ends_withdraws_its_counts(
    here: Process, there: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    slots = await here.open(LIMIT)
    await here.open(1, BOB)
    await clock.elapse(TICK_SECONDS)

    await here.cluster_counts.close()
    assert storage.published[-1] == {ALICE: 0, BOB: 0}
    assert await there.admits()
    for slot in slots:
        slot.release()
    assert here.cluster_counts.here(ALICE) == 0
