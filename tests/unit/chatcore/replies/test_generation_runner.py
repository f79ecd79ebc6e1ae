"""Tests how generations run and how a drain ends them."""

import asyncio
import weakref
from collections.abc import Callable

import pytest
from tests.unit.conftest import World, until
from tests.unit.inference_by_hand import InferenceByHand
from tests.unit.reading import following

from chatcore import Status
from chatcore.errors import DrainingError, StorageUnavailableError
from chatcore.ports import AcceptedTurn, Frame, InferenceRequest, NewTurn
from chatcore.replies.transcript import RECONNECT, End


async def test_a_drain_lets_running_replies_finish(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    draining = asyncio.ensure_future(world.chat.drain(20))
    await world.clock.sleepers(1)
    call.say("done in time")
    call.close()
    await draining

    assert turn.generation is not None
    assert turn.generation.transcript.end == End()
    assert (await world.reply(turn)).status is Status.COMPLETE


async def test_a_drain_interrupts_replies_when_the_grace_period_is_over(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    call.say("half")
    reader = await world.chat.turns.read(turn)
    draining = asyncio.ensure_future(world.chat.drain(20))
    await world.clock.sleepers(1)
    world.clock.advance(20)
    await draining

    reply = await world.reply(turn)
    assert (reply.status, reply.content) == (Status.INTERRUPTED, "half")
    assert reader.end == RECONNECT
    assert call.was_cancelled.is_set()


async def test_a_hurried_drain_stores_the_text_without_waiting(world: World) -> None:
    turn = await world.send(await world.conversation())
    (await world.inference.call()).say("half")
    draining = asyncio.ensure_future(world.chat.drain(20))
    await world.clock.sleepers(1)
    world.chat.runner.hurry()
    await draining

    assert (await world.reply(turn)).content == "half"


async def test_a_drain_makes_readers_of_other_processes_replies_reconnect(world: World) -> None:
    await world.send(await world.conversation())
    other = world.replica()
    reader = await following(other, world)
    await other.chat.drain(0)

    assert reader.end == RECONNECT
    assert (await following(other, world)).end == RECONNECT


async def test_a_drain_ends_although_the_storage_is_unavailable(world: World) -> None:
    turn = await world.send(await world.conversation())
    (await world.inference.call()).say("a")
    reader = await world.chat.turns.read(turn)
    world.storage.outage = True
    world.chat.runner.hurry()
    await world.drained(20)

    assert reader.end == RECONNECT
    assert world.chat.runner.running == ()


async def test_a_turn_being_stored_when_a_drain_begins_is_drained_too(world: World) -> None:
    conversation = await world.conversation()
    sending = asyncio.ensure_future(world.send(conversation))
    await asyncio.sleep(0)
    await world.chat.drain(0)

    turn = await sending
    assert (await world.reply(turn)).status is Status.FAILED
    with pytest.raises(DrainingError):
        await world.send(conversation)


async def test_a_turn_being_stored_when_a_drain_begins_has_the_grace_period(world: World) -> None:
    sending = asyncio.ensure_future(world.send(await world.conversation()))
    await asyncio.sleep(0)
    draining = asyncio.ensure_future(world.chat.drain(20))
    call = await world.inference.call()
    call.say("done in time")
    call.close()
    await draining

    assert (await world.reply(await sending)).status is Status.COMPLETE


async def test_a_drain_can_begin_while_a_turn_comes_into_doubt(world: World) -> None:
    conversation = await world.conversation()
    drains: list[asyncio.Task[None]] = []

    async def begin_turn(turn: NewTurn) -> AcceptedTurn:  # noqa: ARG001 - the port's signature
        # The drain takes its first step before the lookup of the turn, which is therefore cancelled before its first.
        drains.append(asyncio.create_task(world.chat.runner.drain(0)))
        raise StorageUnavailableError

    world.storage.begin_turn = begin_turn  # type: ignore[method-assign]  # no other way to hit this moment
    with pytest.raises(StorageUnavailableError):
        await world.send(conversation)
    async with asyncio.timeout(10):
        await drains[0]

    assert not world.chat.runner.running


class LetsGoOfTheRequest(InferenceByHand):
    """Keeps no reference to the request, like a client that has sent it."""

    asked: "weakref.ref[InferenceRequest] | None" = None

    async def generate(self, request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
        self.asked = weakref.ref(request)
        del request
        on_frame(Frame(b'data: {"token":"Hi"}\n\n', "Hi"))
        await asyncio.Event().wait()


async def test_the_history_is_freed_once_the_inference_service_has_it(world: World) -> None:
    inference = LetsGoOfTheRequest()
    process = world.replica(inference=inference)
    turn = await process.send(await process.conversation())
    await until(lambda: inference.asked)

    assert turn.generation is not None
    assert turn.generation.transcript.length
    assert inference.asked is not None
    assert inference.asked() is None

    await process.chat.drain(0)
