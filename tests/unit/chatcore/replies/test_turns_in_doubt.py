"""Tests turns that are stored although their caller was told that the storage is unavailable."""

import pytest
from tests.unit.conftest import ADA, World, has_ended, until

from chatcore import Message, Status
from chatcore.conversations.message import ConversationId, MessageId
from chatcore.errors import StorageUnavailableError
from chatcore.user import UserId


async def test_a_turn_in_doubt_that_is_stored_is_answered(world: World) -> None:
    conversation = await world.conversation()
    world.storage.lost_replies = 1
    with pytest.raises(StorageUnavailableError):
        await world.send(conversation, idempotency_key="key")

    await world.clock.elapse(1)
    call = await world.inference.call()
    repeated = await world.send(conversation, idempotency_key="key")
    assert repeated.generation is not None
    call.say("Hi")
    call.close()
    await until(lambda: has_ended(repeated))
    assert (await world.reply(repeated)).status is Status.COMPLETE


async def test_a_turn_in_doubt_is_answered_after_a_longer_outage_too(world: World) -> None:
    conversation = await world.conversation()
    world.storage.lost_replies = 1
    with pytest.raises(StorageUnavailableError):
        await world.send(conversation)
    world.storage.outage = True
    await world.clock.elapse(5)
    world.storage.outage = False
    await world.clock.elapse(1)

    assert (await world.inference.call()).request.messages[-1].content == "Hello"


async def test_a_turn_in_doubt_is_answered_with_the_instructions_of_its_conversation(world: World) -> None:
    conversation = await world.chat.conversations.create(ADA, instructions="Be brief.")
    world.storage.lost_replies = 1
    with pytest.raises(StorageUnavailableError):
        await world.send(conversation)

    await world.clock.elapse(1)

    assert (await world.inference.call()).request.instructions == "Be brief."


async def test_a_regeneration_in_doubt_that_is_stored_is_generated(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    (await world.inference.call()).close()
    await until(lambda: has_ended(turn))
    world.storage.lost_replies = 1
    with pytest.raises(StorageUnavailableError):
        await world.regenerate(conversation)

    await world.clock.elapse(1)
    assert (await world.inference.call()).request.messages[-1].content == "Hello"


async def test_a_turn_in_doubt_that_is_not_stored_stays_so(world: World) -> None:
    conversation = await world.conversation()
    world.storage.outage = True
    with pytest.raises(StorageUnavailableError):
        await world.send(conversation)
    world.storage.outage = False
    for _ in range(40):
        await world.clock.elapse(0.5)

    assert await world.path(conversation) == []


async def test_a_drain_does_not_wait_for_turns_in_doubt(world: World) -> None:
    conversation = await world.conversation()
    world.storage.lost_replies = 1
    with pytest.raises(StorageUnavailableError):
        await world.send(conversation)

    await world.chat.drain(0)
    assert not world.chat.runner.running


async def test_a_turn_that_the_storage_rejected_is_not_looked_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = await world.conversation()
    looked_up: list[MessageId] = []
    real = world.storage.get_message

    async def get_message(user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        looked_up.append(message_id)
        return await real(user_id, conversation_id, message_id)

    monkeypatch.setattr(world.storage, "get_message", get_message)
    world.storage.outage = True
    with pytest.raises(StorageUnavailableError):
        await world.send(conversation)
    world.storage.outage = False
    world.storage.lost_replies = 1
    with pytest.raises(StorageUnavailableError):
        await world.send(conversation)
    await world.clock.elapse(1)

    # Only the turn in doubt was looked up.
    (running,) = world.chat.runner.running
    assert looked_up == [running.lease.message_id]
