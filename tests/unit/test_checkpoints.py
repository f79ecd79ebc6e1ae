"""Checkpoints: text is stored while it is made, whatever becomes of the storage meanwhile."""

from collections.abc import Sequence

from chatcore import Status
from chatcore.checkpoints import MAX_UNSTORED_BYTES
from chatcore.lease import LEASE_SECONDS, OwnerId, Progress, Verdict
from chatcore.transcript import End
from tests.unit.conftest import World, has_ended, until
from tests.unit.reading import following, rest


async def test_text_is_stored_four_times_a_second_while_it_is_made(world: World) -> None:
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


async def test_a_generation_lives_through_an_outage_of_the_storage(world: World) -> None:
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


async def test_checkpoints_whose_confirmation_is_lost_store_nothing_twice(world: World) -> None:
    await world.send(await world.conversation())
    call = await world.inference.call()
    reader = await following(world.replica(), world)
    call.say("a")
    world.storage.lost_replies = 2  # The batch, and then the single try.
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

    async def checkpoint(owner_id: OwnerId, parts: Sequence[Progress]) -> Sequence[Verdict]:
        if any(part.lease.message_id == refused for part in parts):
            raise RuntimeError("cannot be stored")
        return await real(owner_id, parts)

    world.storage.checkpoint = checkpoint  # type: ignore[method-assign]  # a storage with one sick row
    await world.chat.checkpointer.checkpoint()

    assert well.generation is not None
    assert sick.generation is not None
    assert (well.generation.unstored_bytes, sick.generation.unstored_bytes) == (0, 1)


async def test_text_waits_for_the_storage_up_to_a_bound(world: World) -> None:
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


async def test_a_lease_is_kept_as_long_as_the_generation_lives(world: World) -> None:
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
    assert other.observer.rescues == []


async def test_an_ending_whose_confirmation_was_lost_is_still_told_as_the_end(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    call.say("a")
    world.storage.lost_replies = 1
    call.close()
    await world.clock.sleepers(1)  # The finish took effect, but nobody knows.
    await world.chat.checkpointer.checkpoint()
    await world.clock.elapse(1)
    await until(lambda: has_ended(turn))

    assert turn.generation is not None
    assert turn.generation.transcript.end == End()
