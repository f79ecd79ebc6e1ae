"""A user's limit of open streams, over processes that hear of each other through the storage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from chatcore import UserId
from chatcore.ports import COUNT_RENEWAL_SECONDS, COUNT_SECONDS, ProcessId
from chatcore.testing.samples import ALICE, BOB
from chatcore.testing.stream_counts_contract import a_process, elsewhere
from chatcore_memory import FrozenClock, InMemoryStorage
from chatcore_service.http.refusals import TooManyStreamsError
from chatcore_service.http.slots import SECOND_LOOK_SECONDS, Slot, Slots
from chatcore_service.http.stream_census import RETRY_SECONDS, TICK_SECONDS, StreamCensus
from tests.unit.conftest import RecordingObserver, until

LIMIT = 20


class RecordingStorage(InMemoryStorage):
    """Remembers what it was asked, and may be told to hang."""

    def __init__(self, clock: FrozenClock) -> None:
        super().__init__(clock)
        self.said: list[Mapping[UserId, int]] = []
        self.sweeps = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def exchange_stream_counts(self, process_id: ProcessId, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
        self.said.append(dict(counts))
        await self.answers.wait()
        return await super().exchange_stream_counts(process_id, counts)

    async def forget_stream_counts(self, limit: int) -> int:
        self.sweeps += 1
        return await super().forget_stream_counts(limit)


class Process:
    """What one process knows, and grants."""

    def __init__(self, storage: RecordingStorage, clock: FrozenClock) -> None:
        self.storage = storage
        self.clock = clock
        self.observer = RecordingObserver()
        self.census = StreamCensus(counts=storage, clock=clock, observer=self.observer)
        self.slots = Slots(LIMIT, census=self.census, clock=clock)

    async def open(self, count: int, user_id: UserId = ALICE) -> list[Slot]:
        """So many streams, as turns open them."""
        return [await self.slots.take(user_id) for _ in range(count)]

    async def admits(self, user_id: UserId = ALICE) -> bool:
        """Whether a reader who comes back gets a stream; gives it back."""
        deciding = asyncio.create_task(self._decide(user_id))
        await self.clock.elapse(SECOND_LOOK_SECONDS[1])
        return await deciding

    async def _decide(self, user_id: UserId) -> bool:
        slot = None
        try:
            slot = await self.slots.take(user_id)
            await slot.confirm()
        except TooManyStreamsError:
            return False
        finally:
            if slot is not None:
                slot.release()
        return True


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def storage(clock: FrozenClock) -> RecordingStorage:
    return RecordingStorage(clock)


@pytest.fixture
async def here(storage: RecordingStorage, clock: FrozenClock) -> AsyncIterator[Process]:
    process = Process(storage, clock)
    yield process
    await process.census.close()


@pytest.fixture
async def there(storage: RecordingStorage, clock: FrozenClock) -> AsyncIterator[Process]:
    process = Process(storage, clock)
    yield process
    await process.census.close()


# -- The limit -------------------------------------------------------------------------------------------------------


async def test_a_process_by_itself_grants_the_limit_and_no_more(here: Process) -> None:
    slots = await here.open(LIMIT)

    with pytest.raises(TooManyStreamsError):
        await here.slots.take(ALICE)
    await here.open(1, BOB)
    slots[0].release()
    slots[0].release()
    await here.open(1)
    with pytest.raises(TooManyStreamsError):
        await here.slots.take(ALICE)


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
            slot = await process.slots.take(ALICE)
            await slot.confirm()
        except TooManyStreamsError:
            outcomes.append(None)
        else:
            outcomes.append(slot)

    comers = [asyncio.create_task(come(process)) for process in processes for _ in range(10)]
    await clock.elapse(2 * SECOND_LOOK_SECONDS[1])
    await asyncio.gather(*comers)

    # Slots of the refused are never given back here, so that whoever decides late counts them too.
    assert len([slot for slot in outcomes if slot]) <= LIMIT
    for process in processes:
        await process.census.close()


async def test_a_message_waits_for_no_look_at_the_storage(here: Process, storage: RecordingStorage) -> None:
    taking = here.slots.take(ALICE)

    with pytest.raises(StopIteration):
        taking.send(None)
    assert storage.said == []


async def test_a_message_is_refused_by_what_is_known(here: Process, there: Process, clock: FrozenClock) -> None:
    await there.open(LIMIT)
    # Nothing is known of a user who has no stream here yet: the first one is let in.
    await here.open(1)
    await clock.elapse(TICK_SECONDS)

    taking = asyncio.create_task(here.slots.take(ALICE))
    await clock.elapse(SECOND_LOOK_SECONDS[1])
    with pytest.raises(TooManyStreamsError):
        await taking
    assert here.census.here(ALICE) == 1


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


# -- What is said ----------------------------------------------------------------------------------------------------


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
    slots = await here.open(LIMIT)
    await here.open(1, BOB)
    await clock.elapse(TICK_SECONDS)

    await here.census.close()
    assert storage.said[-1] == {ALICE: 0, BOB: 0}
    assert await there.admits()
    for slot in slots:
        slot.release()
    assert here.census.here(ALICE) == 0


# -- Trouble ---------------------------------------------------------------------------------------------------------


async def test_a_storage_that_is_away_refuses_nobody_and_is_told_everything_when_it_is_back(
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


async def test_what_was_known_before_an_outage_is_believed_for_as_long_as_it_would_have_held(
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
        await here.slots.take(ALICE)


async def test_an_outage_is_reported_by_the_try_and_not_by_the_request(
    here: Process, storage: RecordingStorage, clock: FrozenClock
) -> None:
    storage.outage = True
    for _ in range(1000):
        await here.slots.take(ALICE)
        here.census.remove(ALICE)
    await here.open(1)
    await clock.elapse(10)

    assert {what for what, _ in here.observer.failures} == {"counting streams"}
    assert len(here.observer.failures) <= 10 / RETRY_SECONDS


async def test_what_fails_in_any_other_way_ends_no_task_either(
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
    assert storage.said[1] == {ALICE: 0}


async def test_a_storage_that_hangs_holds_up_a_reader_for_a_moment_only(
    here: Process, storage: RecordingStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatcore_service.http.stream_census.PATIENCE_SECONDS", 0.01)
    storage.answers.clear()
    (slot,) = await here.open(1)

    async with asyncio.timeout(5):
        await slot.confirm()
    storage.answers.set()


async def test_who_gives_up_waiting_takes_nothing_from_the_others_who_wait(
    here: Process, storage: RecordingStorage
) -> None:
    storage.answers.clear()
    first, second, third = await here.open(3)
    waiting = [asyncio.create_task(slot.confirm()) for slot in (first, second, third)]
    await until(lambda: storage.said)

    waiting[0].cancel()
    waiting[1].cancel()
    storage.answers.set()
    await waiting[2]
    assert (waiting[0].cancelled(), len(storage.said)) == (True, 1)


async def test_who_asks_while_others_are_being_answered_gets_an_answer_of_its_own(
    here: Process, storage: RecordingStorage
) -> None:
    storage.answers.clear()
    first, second = await here.open(2)
    waiting = [asyncio.create_task(first.confirm())]
    await until(lambda: storage.said)
    waiting += [asyncio.create_task(slot.confirm()) for slot in (second, second, second)]
    await asyncio.sleep(0)

    storage.answers.set()
    await asyncio.gather(*waiting)
    assert len(storage.said) == 2


@pytest.mark.parametrize("hangs", [True, False])
async def test_a_process_can_end_while_the_storage_is_away(
    here: Process, storage: RecordingStorage, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, *, hangs: bool
) -> None:
    monkeypatch.setattr("chatcore_service.http.stream_census.FAREWELL_SECONDS", 0.01)
    (slot,) = await here.open(1)
    await clock.elapse(TICK_SECONDS)
    storage.outage = True
    if hangs:
        storage.answers.clear()

    async with asyncio.timeout(5):
        await here.census.close()
    assert here.observer.failures
    slot.release()
    await slot.confirm()
