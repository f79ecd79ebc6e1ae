"""Messages and regenerations at any place of a conversation's tree."""

from functools import partial

import pytest
from tests.unit.conftest import ADA, World, has_ended, until
from tests.unit.inference_by_hand import Call

from chatcore import Conversation, ConversationChanges, HeadChoice, HistoryMessage, Role, Turn
from chatcore.errors import IdempotencyKeyReusedError, InferenceUnreachableError, InvalidInputError
from chatcore.testing.samples import a_message_id


async def answer(world: World, turn: Turn, text: str = "Hi") -> Call:
    """Completes the reply of a turn; returns the call of its model."""
    call = await world.inference.call()
    call.say(text)
    call.close()
    await until(partial(has_ended, turn))
    return call


async def two_turns(world: World) -> tuple[Conversation, Turn, Turn]:
    conversation = await world.conversation()
    first = await world.send(conversation, "one")
    await answer(world, first, "two")
    second = await world.send(conversation, "three")
    await answer(world, second, "four")
    return conversation, first, second


async def test_the_model_is_shown_the_path_of_an_edit(world: World) -> None:
    conversation, first, _ = await two_turns(world)

    await world.send(conversation, "drei", parent_id=first.reply.id)

    shown = (await world.inference.call()).request.messages
    assert shown == (
        HistoryMessage(Role.USER, "one"),
        HistoryMessage(Role.ASSISTANT, "two"),
        HistoryMessage(Role.USER, "drei"),
    )


async def test_roles_alternate_after_a_message_of_the_user(world: World) -> None:
    conversation, first, _ = await two_turns(world)

    await world.send(conversation, "and two", parent_id=first.user_message.id)

    assert (await world.inference.call()).request.messages == (HistoryMessage(Role.USER, "one\n\nand two"),)


async def test_any_reply_is_regenerated(world: World) -> None:
    conversation, first, _ = await two_turns(world)

    for message_id in (first.user_message.id, first.reply.id):
        version = await world.regenerate(conversation, message_id=message_id)

        assert version.user_message == first.user_message
        call = await answer(world, version, "zwei")
        assert call.request.messages == (HistoryMessage(Role.USER, "one"),)


async def test_what_was_shown_is_shown_again_after_a_failure(world: World) -> None:
    conversation, first, _ = await two_turns(world)
    version = await world.regenerate(conversation, message_id=first.reply.id)

    (await world.inference.call()).fail(InferenceUnreachableError())
    await until(lambda: has_ended(version))

    assert await world.path(conversation) == ["one", "two", "three", "four"]


async def test_a_chosen_path_is_shown_while_a_reply_goes_on_elsewhere(world: World) -> None:
    conversation, first, _ = await two_turns(world)
    turn = await world.send(conversation, "five")

    changed = await world.chat.conversations.update(
        ADA, conversation.id, ConversationChanges(), HeadChoice(first.reply.id)
    )
    await answer(world, turn, "six")

    assert changed.active_reply_id == turn.reply.id
    assert await world.path(conversation) == ["one", "two"]
    assert (await world.reply(turn)).content == "six"


async def test_the_place_is_part_of_what_a_key_is_bound_to(world: World) -> None:
    conversation, first, _ = await two_turns(world)
    send, regenerate = partial(world.send, conversation, "x"), partial(world.regenerate, conversation)
    turn = await send(parent_id=None, idempotency_key="k")
    await answer(world, turn)
    version = await regenerate(message_id=first.reply.id, idempotency_key="r")
    await answer(world, version)

    assert (await send(parent_id=None, idempotency_key="k")).reply.id == turn.reply.id
    assert (await regenerate(message_id=first.reply.id, idempotency_key="r")).reply.id == version.reply.id
    for again in (
        partial(send, idempotency_key="k"),
        partial(send, parent_id=first.reply.id, idempotency_key="k"),
        partial(regenerate, idempotency_key="r"),
        partial(regenerate, message_id=first.user_message.id, idempotency_key="r"),
    ):
        with pytest.raises(IdempotencyKeyReusedError):
            await again()


async def test_a_message_of_another_conversation_is_no_place(world: World) -> None:
    conversation = await world.conversation()
    _, first, _ = await two_turns(world)

    for message_id in (first.reply.id, first.user_message.id, a_message_id()):
        with pytest.raises(InvalidInputError, match="parent_id"):
            await world.send(conversation, parent_id=message_id)
        with pytest.raises(InvalidInputError, match="message_id"):
            await world.regenerate(conversation, message_id=message_id)

    assert await world.path(conversation) == []
