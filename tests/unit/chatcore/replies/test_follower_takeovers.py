"""Readers of replies that pass from one generation to the next while they read, or while they are away."""

import pytest
from attrs import define
from tests.unit.chatcore.replies.stream_client import Client
from tests.unit.conftest import World, has_ended, until
from tests.unit.inference_by_hand import Call, InferenceByHand

from chatcore import PartKind, Turn
from chatcore.conversations.places import Place
from chatcore.replies.lease import LEASE_SECONDS
from chatcore.replies.rescue import Rescue
from chatcore.replies.transcript import RECONNECT


@define
class Crash:
    """A reply whose process died after it had shown more than it had stored, and that another process took over."""

    first: World
    second: World
    turn: Turn
    client: Client
    call: Call

    @classmethod
    async def happens(cls, world: World, rescue: Rescue = Rescue.CONTINUE) -> "Crash":
        """Shows "stored lost" to a client, of which "stored" is stored, and lets another process take over."""
        turn = await world.send(await world.conversation())
        call = await world.inference.call()
        client = Client()
        reader = await client.connect(world, turn)
        call.say("stored")
        await world.chat.checkpointer.checkpoint()
        call.say(" lost")
        client.take(reader)
        assert (client.text, client.place) == ("stored lost", Place(11))
        second = world.replica(inference=InferenceByHand(can_continue=True), rescue=rescue)
        world.clock.advance(LEASE_SECONDS + 1)
        await second.chat.pending_work.sweep()
        return cls(world, second, turn, client, await second.inference.call())

    async def grow(self) -> None:
        """Lets the reply grow past what the client was shown, and stores it."""
        self.call.say(" and much more than that")
        await self.second.chat.checkpointer.checkpoint()

    async def end(self) -> None:
        """Lets the reply end."""
        self.call.close()
        await until(lambda: not self.second.chat.runner.running)


async def test_a_reader_that_comes_to_the_new_owner_drops_what_was_lost(world: World) -> None:
    crash = await Crash.happens(world)
    await crash.grow()

    reader = await crash.client.connect(crash.second, crash.turn)
    crash.client.take(reader)

    assert crash.client.text == "stored and much more than that"
    assert (crash.client.rewinds, crash.client.place.generation) == ([6], 2)
    await crash.end()
    crash.client.take(reader)
    assert crash.client.has_ended


async def test_a_reader_that_comes_to_a_third_process_drops_what_was_lost(world: World) -> None:
    crash = await Crash.happens(world)
    await crash.grow()
    third = world.replica()

    reader = await crash.client.connect(third, crash.turn)
    await world.clock.elapse(0.3)
    crash.client.take(reader)

    assert crash.client.text == "stored and much more than that"
    assert (crash.client.rewinds, crash.client.place.generation) == ([6], 2)
    await crash.end()
    await world.clock.elapse(0.3)
    crash.client.take(reader)
    assert crash.client.has_ended


async def test_a_reader_that_comes_after_the_end_drops_what_was_lost(world: World) -> None:
    crash = await Crash.happens(world)
    await crash.grow()
    await crash.end()

    crash.client.take(await crash.client.connect(world.replica(), crash.turn))

    assert crash.client.text == "stored and much more than that"
    assert (crash.client.rewinds, crash.client.has_ended) == ([6], True)


async def test_a_long_finished_reply_is_read_from_the_cut(world: World) -> None:
    crash = await Crash.happens(world)
    crash.call.say("x" * 100_000)
    await crash.end()

    reader = await crash.client.connect(world.replica(), crash.turn)
    while reader.end is None:
        crash.client.take(reader)
        if reader.end is None:
            await reader.wait()
    crash.client.take(reader)

    assert crash.client.text == "stored" + "x" * 100_000
    assert (crash.client.rewinds, crash.client.has_ended) == ([6], True)


@pytest.mark.parametrize("rescue", [Rescue.CONTINUE, Rescue.RESTART])
async def test_a_reader_that_stays_connected_gets_the_rewind_in_its_stream(world: World, rescue: Rescue) -> None:
    turn = await world.send(await world.conversation())
    third, client = world.replica(), Client()
    reader = await client.connect(third, turn)
    call = await world.inference.call()
    call.say("stored")
    await world.chat.checkpointer.checkpoint()
    await world.clock.elapse(0.3)
    client.take(reader)
    second = world.replica(inference=InferenceByHand(can_continue=True), rescue=rescue)
    world.clock.advance(LEASE_SECONDS + 1)
    await second.chat.pending_work.sweep()
    new_call = await second.inference.call()

    new_call.say(" again")
    await second.chat.checkpointer.checkpoint()
    await world.clock.elapse(0.6)
    client.take(reader)

    began_again = rescue is Rescue.RESTART
    assert client.text == (" again" if began_again else "stored again")
    assert (client.rewinds, client.place.generation) == ([0] if began_again else [], 2)
    new_call.close()
    await until(lambda: not second.chat.runner.running)
    await world.clock.elapse(0.3)
    client.take(reader)
    assert client.has_ended


async def test_a_connected_reader_learns_of_a_takeover_that_it_only_sees_the_end_of(world: World) -> None:
    turn = await world.send(await world.conversation())
    third, client = world.replica(), Client()
    reader = await client.connect(third, turn)
    (await world.inference.call()).say("stored")
    await world.chat.checkpointer.checkpoint()
    await world.clock.elapse(0.3)
    client.take(reader)
    second = world.replica(inference=InferenceByHand(can_continue=True), rescue=Rescue.RESTART)
    world.clock.advance(LEASE_SECONDS + 1)
    await second.chat.pending_work.sweep()
    call = await second.inference.call()
    call.say("another text")
    call.close()
    await until(lambda: not second.chat.runner.running)

    await world.clock.elapse(0.3)
    client.take(reader)

    assert (client.text, client.rewinds, client.has_ended) == ("another text", [0], True)


async def test_a_reader_of_a_thawed_owner_drops_what_is_no_part_of_the_reply(world: World) -> None:
    crash = await Crash.happens(world)
    await crash.grow()
    # The first process thaws, and shows its reader more before it learns that it lost the reply.
    thawed = await Client().connect(world, crash.turn)
    stale = Client(log=[(PartKind.TEXT, char) for char in "stored lost"], place=Place(11))
    stale_reader = await stale.connect(world, crash.turn)
    thawed.leave()
    await world.clock.elapse(0.3)
    stale.take(stale_reader)

    await world.chat.checkpointer.checkpoint()
    await until(lambda: has_ended(crash.turn))

    assert crash.turn.generation is not None
    assert crash.turn.generation.transcript.end == RECONNECT
    assert stale.text == "stored and much more than that"
    await crash.end()


async def test_a_reader_that_missed_two_takeovers_keeps_what_both_left(world: World) -> None:
    crash = await Crash.happens(world)
    shown_by_second = Client()
    reader = await shown_by_second.connect(crash.second, crash.turn)
    crash.call.say(" and")
    await crash.second.chat.checkpointer.checkpoint()
    crash.call.say(" unstored")
    shown_by_second.take(reader)
    (generation,) = crash.second.chat.runner.running
    # The lease is given up, so that no second lease expires.
    await world.storage.hand_over(generation.progress(world.clock.monotonic()))
    third = world.replica(inference=InferenceByHand(can_continue=True))
    await third.chat.pending_work.sweep()
    call = await third.inference.call()
    call.say(", and the end of it")
    await third.chat.checkpointer.checkpoint()

    for client in (crash.client, shown_by_second):
        client.take(await client.connect(third, crash.turn))

    assert crash.client.text == shown_by_second.text == "stored and unstored, and the end of it"
    assert (crash.client.rewinds, shown_by_second.rewinds) == ([6], [])
    assert crash.client.place == shown_by_second.place
