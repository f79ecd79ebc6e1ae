"""Messages with their versions, and the deletion of messages."""

from functools import partial

import pytest
from tests.unit.conftest import ADA, BOB, World, has_ended, until

from chatcore import Conversation, Turn
from chatcore.errors import GenerationInProgressError, MessageNotFoundError


async def turn_in(world: World, conversation: Conversation) -> Turn:
    turn = await world.send(conversation)
    await complete(world, turn)
    return turn


async def complete(world: World, turn: Turn) -> None:
    call = await world.inference.call()
    call.say("Hi")
    call.close()
    await until(partial(has_ended, turn))


async def test_messages_are_shown_with_their_versions(world: World) -> None:
    conversation = await world.conversation()
    turn = await turn_in(world, conversation)
    other = await world.regenerate(conversation)

    question, reply = await world.chat.trees.with_siblings(other.user_message, other.reply)

    assert question.versions == (turn.user_message.id,)
    assert reply.versions == (turn.reply.id, other.reply.id)
    assert (question, reply) == (other.user_message, other.reply)


async def test_a_message_that_is_gone_is_its_only_version(world: World) -> None:
    conversation = await world.conversation()
    turn = await turn_in(world, conversation)
    await world.chat.conversations.delete(ADA, conversation.id)

    (reply,) = await world.chat.trees.with_siblings(turn.reply)

    assert reply.versions == (reply.id,)


async def test_a_message_is_deleted_by_its_user_once_no_reply_is_generated(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    delete = partial(world.chat.trees.delete_message, conversation_id=conversation.id, message_id=turn.user_message.id)
    with pytest.raises(GenerationInProgressError):
        await delete(ADA)
    await complete(world, turn)

    with pytest.raises(MessageNotFoundError):
        await delete(BOB)
    await delete(ADA)

    assert await world.path(conversation) == []
    with pytest.raises(MessageNotFoundError):
        await delete(ADA)
