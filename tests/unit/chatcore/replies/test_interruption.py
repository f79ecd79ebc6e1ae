"""Tests messages that are sent in place of a running reply, by its own process and by others."""

import asyncio
from typing import Any

import pytest
from tests.unit.conftest import ADA, BOB, World, has_ended, until
from tests.unit.reading import following, rest

from chatcore import Conversation, OnBusy, ReplyError, Sampling, Status, Turn
from chatcore.conversations.message import MessageId
from chatcore.errors import (
    ChatError,
    ConversationNotFoundError,
    DrainingError,
    GenerationInProgressError,
    IdempotencyKeyReusedError,
    InvalidInputError,
    StorageUnavailableError,
)
from chatcore.ports import AcceptedTurn
from chatcore.replies.interruption import INTERRUPT_WAIT_SECONDS
from chatcore.replies.transcript import End


async def interrupt(world: World, conversation: Conversation, content: str = "Wait", **options: object) -> Turn:
    return await world.send(conversation, content, on_busy=OnBusy.INTERRUPT, **options)


async def statuses(world: World, conversation: Conversation) -> list[tuple[str, Status]]:
    opened = await world.chat.conversations.open(ADA, conversation.id)
    return [(message.content, message.status) for message in await opened.messages()]


async def test_without_a_running_reply_it_is_a_plain_send(world: World) -> None:
    conversation = await world.conversation()

    await interrupt(world, conversation)

    assert await world.path(conversation) == ["Wait", ""]


async def test_a_reply_of_this_process_is_stopped_at_once_with_all_its_text(world: World) -> None:
    conversation = await world.conversation()
    stopped = await world.send(conversation)
    call = await world.inference.call()
    call.say("Four ", "sc")

    await interrupt(world, conversation)  # Nobody moves the clock.

    assert call.was_cancelled.is_set()
    assert await statuses(world, conversation) == [
        ("Hello", Status.COMPLETE),
        ("Four sc", Status.STOPPED),
        ("Wait", Status.COMPLETE),
        ("", Status.STREAMING),
    ]
    assert stopped.generation is not None
    assert stopped.generation.transcript.end == End(ReplyError.STOPPED)
    asked = (await world.inference.call()).request.messages
    assert [message.content for message in asked] == ["Hello", "Four sc", "Wait"]


async def test_the_owner_in_another_process_writes_the_end_with_all_the_text(world: World) -> None:
    conversation = await world.conversation()
    stopped = await world.send(conversation)
    call = await world.inference.call()
    other = world.replica()
    async with world.chat:
        await world.clock.elapse(0.3)
        call.say("Four sc")
        interrupting = asyncio.ensure_future(interrupt(other, conversation))
        await world.clock.elapse(0.5)
        turn = await interrupting

    reply = await world.reply(stopped)
    assert (reply.content, reply.status, reply.token_count) == ("Four sc", Status.STOPPED, 1)
    assert turn.user_message.parent_id == reply.id
    assert turn.generation is not None


async def test_an_owner_that_does_not_react_is_waited_for_one_second_and_fenced_off(world: World) -> None:
    conversation = await world.conversation()
    frozen = await world.send(conversation)
    (await world.inference.call()).say("Four sc")
    await world.chat.checkpointer.checkpoint()
    other = world.replica()
    reader = await following(other, world)

    interrupting = asyncio.ensure_future(interrupt(other, conversation))
    await world.clock.elapse(INTERRUPT_WAIT_SECONDS - 0.05)
    assert not interrupting.done()
    await world.clock.elapse(0.1)
    await interrupting

    reply = await world.reply(frozen)
    assert (reply.content, reply.status, reply.error) == ("Four sc", Status.STOPPED, ReplyError.STOPPED)
    await world.clock.elapse(1)
    assert (rest(reader), reader.end) == ("Four sc", End(ReplyError.STOPPED))
    # The owner wakes up.
    await world.chat.checkpointer.checkpoint()
    await until(lambda: has_ended(frozen))
    assert await world.reply(frozen) == reply


async def test_two_at_once_store_both_messages_and_one_reply_runs(world: World) -> None:
    conversation = await world.conversation()
    await world.send(conversation)
    other = world.replica()

    interrupting = asyncio.gather(
        interrupt(world, conversation, "One"), interrupt(other, conversation, "Two"), return_exceptions=True
    )
    async with world.chat, other.chat:
        await world.clock.elapse(3)
        turns = await interrupting

        assert [turn for turn in turns if not isinstance(turn, Turn)] == []
        shown = await statuses(world, conversation)
        assert {content for content, _ in shown[::2]} == {"Hello", "One", "Two"}
        assert [status for _, status in shown[1::2]] == [Status.STOPPED, Status.STOPPED, Status.STREAMING]
        for process in (world, other):
            process.chat.runner.hurry()


async def test_a_repeat_attaches_to_the_reply_and_does_not_interrupt_it(world: World) -> None:
    conversation = await world.conversation()
    await world.send(conversation)
    first = await interrupt(world, conversation, idempotency_key="k")

    again = await interrupt(world, conversation, idempotency_key="k")
    elsewhere = await interrupt(world.replica(), conversation, idempotency_key="k")

    assert first.reply.id == again.reply.id == elsewhere.reply.id
    assert again.generation is first.generation
    assert (await world.reply(first)).status is Status.STREAMING


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"content": ""}, InvalidInputError),
        ({"idempotency_key": "not a key"}, InvalidInputError),
        ({"idempotency_key": "used"}, IdempotencyKeyReusedError),
    ],
)
async def test_a_message_that_is_refused_stops_nothing(
    world: World, options: dict[str, object], error: type[ChatError]
) -> None:
    conversation = await world.conversation()
    running = await world.send(conversation, idempotency_key="used")

    with pytest.raises(error):
        await interrupt(world, conversation, **options)  # type: ignore[arg-type]  # what a case overrides

    await world.chat.checkpointer.checkpoint()
    assert running.generation is not None
    assert not running.generation.is_cancelled()


async def test_a_process_that_shuts_down_and_a_stranger_stop_nothing(world: World) -> None:
    conversation = await world.conversation()
    running = await world.send(conversation)
    other = world.replica()
    await other.drained()

    with pytest.raises(DrainingError):
        await interrupt(other, conversation)
    with pytest.raises(ConversationNotFoundError):
        await world.chat.turns.send(BOB, conversation.id, "Wait", sampling=Sampling(), on_busy=OnBusy.INTERRUPT)

    await world.chat.checkpointer.checkpoint()
    assert running.generation is not None
    assert not running.generation.is_cancelled()


async def test_a_drain_does_not_wait_for_the_owner(world: World) -> None:
    conversation = await world.conversation()
    frozen = await world.send(conversation)
    other = world.replica()
    interrupting = asyncio.ensure_future(interrupt(other, conversation))
    await world.clock.elapse(0.15)

    draining = asyncio.ensure_future(other.chat.drain(0.5))
    await world.clock.elapse(0.2)

    assert (await interrupting).user_message.parent_id == frozen.reply.id
    other.chat.runner.hurry()
    await world.clock.elapse(1)
    await draining


async def test_a_conversation_that_is_deleted_meanwhile_is_not_found(world: World) -> None:
    conversation = await world.conversation()
    await world.send(conversation)
    other = world.replica()
    interrupting = asyncio.ensure_future(interrupt(other, conversation))
    await world.clock.elapse(0.15)
    await other.chat.conversations.delete(ADA, conversation.id)
    await world.clock.elapse(1)

    with pytest.raises(ConversationNotFoundError):
        await interrupting


async def test_an_interruption_in_doubt_that_is_stored_is_answered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await world.conversation()
    await world.send(conversation)
    (await world.inference.call()).say("Hi")
    real = world.storage.interrupt

    async def interrupt_and_lose_the_reply(*arguments: Any) -> AcceptedTurn:  # noqa: ANN401 - those of the port
        world.storage.lost_replies = 1
        return await real(*arguments)

    monkeypatch.setattr(world.storage, "interrupt", interrupt_and_lose_the_reply)
    with pytest.raises(StorageUnavailableError):
        await interrupt(world, conversation)

    await world.clock.elapse(1)
    asked = (await world.inference.call()).request.messages
    assert [message.content for message in asked][-1] == "Wait"


async def test_a_regeneration_stands_beside_the_reply_that_it_stops(world: World) -> None:
    conversation = await world.conversation()
    stopped = await world.send(conversation)
    (await world.inference.call()).say("Four ", "sc")

    turn = await world.regenerate(conversation, on_busy=OnBusy.INTERRUPT)  # Nobody moves the clock.

    ended = await world.reply(stopped)
    assert (ended.content, ended.status) == ("Four sc", Status.STOPPED)
    assert turn.reply.parent_id == ended.parent_id
    asked = (await world.inference.call()).request.messages
    assert [message.content for message in asked] == ["Hello"]


async def test_a_repeated_regeneration_attaches_to_the_reply_and_does_not_interrupt_it(world: World) -> None:
    conversation = await world.conversation()
    await world.send(conversation)
    first = await world.regenerate(conversation, on_busy=OnBusy.INTERRUPT, idempotency_key="k")

    again = await world.regenerate(conversation, on_busy=OnBusy.INTERRUPT, idempotency_key="k")

    assert again.generation is first.generation
    assert (await world.reply(first)).status is Status.STREAMING


async def test_a_regeneration_that_rejects_when_busy_stops_nothing(world: World) -> None:
    conversation = await world.conversation()
    running = await world.send(conversation)

    with pytest.raises(GenerationInProgressError) as refused:
        await world.regenerate(conversation)

    assert MessageId(refused.value.message_id) == running.reply.id
