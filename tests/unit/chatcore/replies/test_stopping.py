"""Tests stops and deletions, by the process that generates the reply and by others."""

import asyncio

import pytest
from tests.unit.conftest import ADA, World, has_ended, until

from chatcore import ReplyError, Status
from chatcore.errors import DrainingError, MessageNotFoundError
from chatcore.replies.transcript import End


async def test_a_reply_is_stopped_from_another_process(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    call.say("Four sc")
    other = world.replica()
    async with world.chat:
        stopping = asyncio.ensure_future(other.chat.turns.stop(ADA, conversation.id, turn.reply.id))
        await world.clock.elapse(1)
        message = await stopping

    assert (message.status, message.content) == (Status.STOPPED, "Four sc")
    assert call.was_cancelled.is_set()


async def test_a_stop_takes_effect_even_if_the_cancellation_is_swallowed(world: World) -> None:
    conversation = await world.conversation()
    world.inference.is_stubborn = True
    turn = await world.send(conversation)
    call = await world.inference.call()
    call.say("a")
    async with world.chat:
        stopping = asyncio.ensure_future(world.chat.turns.stop(ADA, conversation.id, turn.reply.id))
        await world.clock.elapse(1)
        message = await stopping

    assert (message.status, message.content) == (Status.STOPPED, "a")


async def test_a_stop_whose_owner_does_not_react_returns_the_streaming_reply(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    await world.inference.call()
    stopping = asyncio.ensure_future(world.replica().chat.turns.stop(ADA, conversation.id, turn.reply.id))
    await world.clock.elapse(10)

    assert (await stopping).status is Status.STREAMING


async def test_a_stop_that_waits_for_another_process_ends_with_its_own(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    await world.inference.call()
    other = world.replica()
    stopping = asyncio.ensure_future(other.chat.turns.stop(ADA, conversation.id, turn.reply.id))
    await world.clock.elapse(1)
    await other.chat.drain(0)
    await world.clock.elapse(0.2)

    with pytest.raises(DrainingError):
        await stopping


@pytest.mark.parametrize("here", [True, False])
async def test_deleting_a_conversation_stops_its_reply_and_nothing_reappears(
    world: World,
    here: bool,  # noqa: FBT001 - whether the owner itself deletes
) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    call.say("a")
    async with world.chat:
        await world.clock.elapse(0.3)
        deleter = world if here else world.replica()
        await deleter.chat.conversations.delete(ADA, conversation.id)
        call.say("b")
        await world.clock.elapse(1)
        await until(lambda: has_ended(turn))

    assert call.was_cancelled.is_set()
    assert turn.generation is not None
    assert turn.generation.transcript.end == End(ReplyError.STOPPED)
    with pytest.raises(MessageNotFoundError):
        await world.reply(turn)
