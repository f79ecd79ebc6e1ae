"""Tests that text is stored while it is generated, during outages of the storage too."""

from collections.abc import Awaitable, Callable, Sequence

from tests.unit.conftest import World, has_ended, until
from tests.unit.reading import following, rest

from chatcore import Status
from chatcore.replies.checkpoints import MAX_UNSTORED_BYTES, Checkpointer
from chatcore.replies.lease import LEASE_SECONDS, LeaseStatus, OwnerId, Progress
from chatcore.replies.transcript import End


async def test_text_is_stored_four_times_a_second_while_it_is_generated(world: World) -> None:
    await world.send(await world.conversation())
    call = await world.inference.call()
    reader = await following(world.replica(), world)

    async with world.chat:
        call.say("Four ", "score")
        await world.clock.elapse(0.5)
        first = rest(reader)
        call.say(" and seven")
        await world.clock.elapse(0.5)

        assert (first, rest(reader)) == ("Four score", " and seven")
        call.close()


async def test_a_generation_survives_an_outage_of_the_storage(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    async with world.chat:
        call.say("before ")
        await world.clock.elapse(0.3)
        world.storage.outage = True
        call.say("during ")
        await world.clock.elapse(10)
        world.storage.outage = False
        call.say("after")
        await world.clock.elapse(0.5)
        call.close()
        await until(lambda: has_ended(turn))

    reply = await world.reply(turn)
    assert (reply.content, reply.status) == ("before during after", Status.COMPLETE)


async def test_checkpoints_with_a_lost_confirmation_store_nothing_twice(world: World) -> None:
    await world.send(await world.conversation())
    call = await world.inference.call()
    reader = await following(world.replica(), world)
    call.say("a")
    world.storage.lost_replies = 2  # The confirmations of the batch and of the separate attempt.
    await world.chat.checkpointer.checkpoint()
    call.say("b")
    await world.chat.checkpointer.checkpoint()
    await world.chat.checkpointer.checkpoint()
    await world.clock.elapse(1)

    assert rest(reader) == "ab"


async def test_a_generation_that_cannot_be_stored_does_not_hold_up_the_others(world: World) -> None:
    sick = await world.send(await world.conversation())
    sick_call = await world.inference.call()
    well = await world.send(await world.conversation())
    well_call = await world.inference.call()
    sick_call.say("a")
    well_call.say("b")
    real = world.storage.checkpoint
    refused = sick.reply.id

    async def checkpoint(owner_id: OwnerId, parts: Sequence[Progress]) -> Sequence[LeaseStatus]:
        if any(part.lease.message_id == refused for part in parts):
            raise RuntimeError("cannot be stored")
        return await real(owner_id, parts)

    world.storage.checkpoint = checkpoint  # type: ignore[method-assign]  # a storage that cannot store one of the rows
    await world.chat.checkpointer.checkpoint()

    assert well.generation is not None
    assert sick.generation is not None
    assert (well.generation.unstored_bytes, sick.generation.unstored_bytes) == (0, 1)


class Batches:
    """Wraps a checkpointer of small batches and records the size of each batch."""

    def __init__(self, world: World, *, max_at_once: int = 2) -> None:
        self.sizes: list[int] = []
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self._store = world.storage.checkpoint
        world.storage.checkpoint = self._checkpoint  # type: ignore[method-assign]  # a storage that records its calls
        self.checkpointer = Checkpointer(
            world.chat.runner,
            storage=world.storage,
            clock=world.clock,
            observer=world.observer,
            owner_id=world.chat.turns.owner_id,
            max_at_once=max_at_once,
        )

    async def _checkpoint(self, owner_id: OwnerId, parts: Sequence[Progress]) -> Sequence[LeaseStatus]:
        self.sizes.append(len(parts))
        if self.meanwhile is not None:
            await self.meanwhile()
        return await self._store(owner_id, parts)


async def test_many_replies_are_stored_in_several_statements(world: World) -> None:
    turns = [await world.send(await world.conversation()) for _ in range(5)]
    for _ in turns:
        (await world.inference.call()).say("text")
    batches = Batches(world)

    await batches.checkpointer.checkpoint()

    assert batches.sizes == [2, 2, 1]
    assert [turn.generation and turn.generation.unstored_bytes for turn in turns] == [0] * 5


async def test_a_reply_that_ended_before_its_batch_is_left_out(world: World) -> None:
    turns = [await world.send(await world.conversation()) for _ in range(3)]
    calls = [await world.inference.call() for _ in turns]
    batches = Batches(world)

    async def end_the_last() -> None:
        calls[2].close()
        await until(lambda: has_ended(turns[2]))

    batches.meanwhile = end_the_last
    await batches.checkpointer.checkpoint()

    assert batches.sizes == [2]
    assert (await world.reply(turns[2])).status is Status.COMPLETE


async def test_an_outage_stops_the_batches_but_the_bound_holds_for_all(world: World) -> None:
    turns = [await world.send(await world.conversation()) for _ in range(8)]
    calls = [await world.inference.call() for _ in turns]
    calls[-1].say("x" * (MAX_UNSTORED_BYTES + 1))
    world.storage.outage = True
    batches = Batches(world, max_at_once=4)

    await batches.checkpointer.checkpoint()

    assert batches.sizes == [4, 1, 1, 1]
    await calls[-1].was_cancelled.wait()


async def test_unstored_text_is_kept_up_to_a_bound(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    async with world.chat:
        world.storage.outage = True
        call.say("x" * MAX_UNSTORED_BYTES)
        await world.clock.elapse(1)
        held = call.was_cancelled.is_set()
        call.say("x")
        await world.clock.elapse(1)
        world.storage.outage = False
        await world.clock.elapse(1)
        await until(lambda: has_ended(turn))

    reply = await world.reply(turn)
    assert (held, call.was_cancelled.is_set()) == (False, True)
    assert (reply.status, len(reply.content)) == (Status.INTERRUPTED, MAX_UNSTORED_BYTES + 1)


async def test_a_lease_is_renewed_as_long_as_the_generation_runs(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    other = world.replica()
    async with world.chat, other.chat:
        await world.clock.elapse(10 * LEASE_SECONDS)
        call.say("slow")
        call.close()
        await until(lambda: has_ended(turn))

    assert (await world.reply(turn)).status is Status.COMPLETE
    assert other.observer.recovered_states == []


async def test_readers_get_the_end_although_its_confirmation_was_lost(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    call.say("a")
    world.storage.lost_replies = 1
    call.close()
    await world.clock.sleepers(1)  # The final state is stored, but its confirmation was lost.
    await world.chat.checkpointer.checkpoint()
    await world.clock.elapse(1)
    await until(lambda: has_ended(turn))

    assert turn.generation is not None
    assert turn.generation.transcript.end == End()
