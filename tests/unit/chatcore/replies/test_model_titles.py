"""Titles that the model makes after the first reply of a conversation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.unit.conftest import ADA, World, has_ended, until
from tests.unit.inference_by_hand import Call, InferenceByHand
from tests.unit.settling import settle
from tests.unit.token_frames import frame

from chatcore import AutoTitle, Conversation, ConversationChanges, InputLimits, Limits, Role, Turn
from chatcore.conversations.conversation import DEFAULT_TITLE, TitleSource
from chatcore.conversations.parts import Part, PartKind
from chatcore.errors import InferenceRefusedError, InferenceTimeoutError, InferenceUnreachableError
from chatcore.ports import Frame
from chatcore.replies.lease import LEASE_SECONDS
from chatcore.replies.model_titles import ANSWER_SECONDS, MAX_ANSWER_CHARS, MAX_NAMINGS, MAX_SHOWN_CHARS
from chatcore_memory import FrozenClock, InMemoryStorage


@pytest.fixture
async def world() -> AsyncIterator[World]:
    clock = FrozenClock()
    made = World(clock, InMemoryStorage(clock), auto_title=AutoTitle.MODEL)
    yield made
    made.chat.runner.hurry()
    await made.drained()


async def answered(world: World, turn: Turn, reply: str = "Hi there") -> None:
    """Lets the model answer a turn."""
    call = await world.inference.call()
    call.say(reply)
    call.close()
    await until(lambda: has_ended(turn))


async def first_reply(world: World, question: str = "Hello", **options: object) -> Conversation:
    """Sends the first message of a conversation and lets the model answer it; returns the conversation."""
    conversation = await world.conversation()
    await answered(world, await world.send(conversation, question, **options))
    return await stored(world, conversation)


async def stored(world: World, conversation: Conversation) -> Conversation:
    return await world.storage.get_conversation(conversation.user_id, conversation.id)


async def renamed(world: World, conversation: Conversation, title: str) -> Conversation:
    return await world.chat.conversations.update(ADA, conversation.id, ConversationChanges(title=title))


async def ended(call: Call, answer: str = "A greeting") -> None:
    """Lets the model answer the request for a title."""
    call.say(answer)
    call.close()
    await settle()


async def asks_nothing(world: World) -> bool:
    await settle()
    return world.inference._calls.empty()


async def test_the_model_names_a_conversation_after_its_first_reply(world: World) -> None:
    conversation = await first_reply(world, "Hello, how are you?", trace_id="trace-1")
    call = await world.inference.call()
    assert conversation.title == "Hello, how are you?"

    await ended(call, '**Title:** "A greeting"')

    named = await stored(world, conversation)
    assert (named.title, named.title_source) == ("A greeting", TitleSource.AUTO)
    assert (named.updated_at, named.head_id) == (conversation.updated_at, conversation.head_id)
    assert world.observer.failures == []


async def test_the_model_is_shown_the_question_and_the_reply_within_bounds(world: World) -> None:
    conversation = await world.conversation()
    await world.chat.conversations.update(ADA, conversation.id, ConversationChanges(instructions="Answer in verse."))
    turn = await world.send(conversation, "q" * 8000, trace_id="trace-1")
    await answered(world, turn, "r" * 8000)

    request = (await world.inference.call()).request

    assert [message.role for message in request.messages] == [Role.USER, Role.ASSISTANT, Role.USER]
    question, reply, assignment = (message.content for message in request.messages)
    assert (question, reply) == ("q" * MAX_SHOWN_CHARS, "r" * MAX_SHOWN_CHARS)
    assert "title" in assignment
    assert (request.user_id, request.trace_id) == ("ada", "trace-1")
    assert (request.instructions, request.so_far) == (None, "")
    assert request.sampling.temperature < 1


async def test_the_request_for_a_title_keeps_to_the_limits_of_the_deployment(world: World) -> None:
    limits = Limits(inputs=InputLimits(max_tokens=16, max_temperature=0.1))
    other = world.replica(limits=limits, auto_title=AutoTitle.MODEL)
    conversation = await other.conversation()
    await answered(other, await other.chat.turns.send(ADA, conversation.id, "Hello"))

    sampling = (await other.inference.call()).request.sampling

    assert (sampling.max_tokens, sampling.temperature) == (16, 0.1)


async def test_a_naming_is_no_reply(world: World) -> None:
    other = world.replica(limits=Limits(generations_per_user=1), auto_title=AutoTitle.MODEL)
    conversation = await first_reply(other)
    naming = await other.inference.call()
    naming.say("A")

    assert other.chat.runner.running == ()
    assert conversation.active_reply_id is None
    await answered(other, await other.send(conversation, "And you?"))
    await ended(naming, " greeting")

    assert (await stored(other, conversation)).title == "A greeting"
    assert len(other.observer.final_states) == 2
    assert len(other.observer.first_tokens) == 2
    assert await other.path(conversation) == ["Hello", "Hi there", "And you?", "Hi there"]


async def test_only_the_first_reply_names_a_conversation(world: World) -> None:
    conversation = await first_reply(world, "Hello")
    await ended(await world.inference.call(), "Hello")

    await answered(world, await world.send(conversation, "Hello"))

    assert await asks_nothing(world)


async def test_without_the_setting_the_model_names_nothing(world: World) -> None:
    other = world.replica()
    conversation = await first_reply(other)

    assert await asks_nothing(other)
    assert conversation.title == "Hello"


@pytest.mark.parametrize("reply", ["", " \u200b\n"])
async def test_a_reply_without_visible_text_names_nothing(world: World, reply: str) -> None:
    await answered(world, await world.send(await world.conversation()), reply)

    assert await asks_nothing(world)


async def test_a_reply_that_is_not_complete_names_nothing(world: World) -> None:
    stopped = await world.send(await world.conversation())
    (await world.inference.call()).say("Hi")
    await world.chat.turns.stop(ADA, stopped.reply.conversation_id, stopped.reply.id)
    broken_off = await world.send(await world.conversation())
    call = await world.inference.call()
    call.say("Hi")
    call.fail(InferenceUnreachableError())
    await until(lambda: has_ended(stopped) and has_ended(broken_off))

    assert await asks_nothing(world)


async def test_another_reply_to_the_first_message_names_what_is_not_named_yet(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    (await world.inference.call()).fail(InferenceUnreachableError())
    await until(lambda: has_ended(turn))

    await answered(world, await world.regenerate(conversation))
    await ended(await world.inference.call())
    assert (await stored(world, conversation)).title == "A greeting"

    await answered(world, await world.regenerate(conversation))
    assert await asks_nothing(world)


async def test_a_continued_reply_names_nothing(world: World) -> None:
    other = world.replica(inference=InferenceByHand(can_continue=True), auto_title=AutoTitle.MODEL)
    turn = await other.send(await other.conversation())
    (await other.inference.call()).say("Hi")
    await other.chat.turns.stop(ADA, turn.reply.conversation_id, turn.reply.id)
    await until(lambda: has_ended(turn))

    await answered(other, await other.chat.turns.continue_reply(ADA, turn.reply.conversation_id, turn.reply.id))

    assert await asks_nothing(other)


async def test_a_crash_leaves_the_title_of_the_first_message(world: World) -> None:
    conversation = await first_reply(world)
    await world.inference.call()  # The process dies here: the model's answer never comes.
    other = world.replica(inference=InferenceByHand(can_continue=True), auto_title=AutoTitle.MODEL)

    world.clock.advance(LEASE_SECONDS + 1)
    await other.chat.pending_work.sweep()

    assert (await stored(other, conversation)).title == "Hello"
    assert await asks_nothing(other)


async def test_a_reply_that_another_process_finishes_names_nothing(world: World) -> None:
    conversation = await world.conversation()
    await world.send(conversation)
    (await world.inference.call()).say("Hi")
    await world.chat.checkpointer.checkpoint()
    other = world.replica(inference=InferenceByHand(can_continue=True), auto_title=AutoTitle.MODEL)
    world.clock.advance(LEASE_SECONDS + 1)
    await other.chat.pending_work.sweep()

    call = await other.inference.call()
    call.say(" there")
    call.close()
    await until(lambda: not other.chat.runner.running)

    assert await other.path(conversation) == ["Hello", "Hi there"]
    assert await asks_nothing(other)


# -- Titles of the user, and deletions --------------------------------------------------------------------------------


async def test_the_model_is_not_asked_about_a_conversation_that_its_user_named(world: World) -> None:
    named = await world.chat.conversations.create(ADA, title="Mine")
    await answered(world, await world.send(named))
    later = await world.conversation()
    turn = await world.send(later)
    await renamed(world, later, "Hello")
    await answered(world, turn)

    assert await asks_nothing(world)
    assert [(await stored(world, one)).title for one in (named, later)] == ["Mine", "Hello"]


@pytest.mark.parametrize("title", ["Mine", "Hello", DEFAULT_TITLE])
async def test_a_title_that_the_user_chose_meanwhile_stays(world: World, title: str) -> None:
    conversation = await first_reply(world)
    call = await world.inference.call()
    await renamed(world, conversation, title)

    await ended(call)

    after = await stored(world, conversation)
    assert (after.title, after.title_source) == (title, TitleSource.USER)


async def test_a_title_that_another_naming_stored_meanwhile_stays(world: World) -> None:
    conversation = await first_reply(world)
    first = await world.inference.call()
    await answered(world, await world.regenerate(conversation))
    second = await world.inference.call()

    await ended(second, "The second")
    await ended(first, "The first")

    assert (await stored(world, conversation)).title == "The second"


async def test_a_conversation_that_was_deleted_is_not_named(world: World) -> None:
    being_named = await first_reply(world)
    call = await world.inference.call()
    await world.chat.conversations.delete(ADA, being_named.id)
    await ended(call)

    deleted = await world.conversation()
    turn = await world.send(deleted)
    reply = await world.inference.call()
    reply.say("Hi")
    reply.close()
    await until(lambda: has_ended(turn))
    await world.chat.conversations.delete(ADA, deleted.id)
    await settle()

    assert world.observer.failures == []


# -- Bounds and failures ----------------------------------------------------------------------------------------------


async def test_at_most_so_many_conversations_are_named_at_once(world: World) -> None:
    named = [(await first_reply(world), await world.inference.call()) for _ in range(MAX_NAMINGS)]

    skipped = await first_reply(world)
    assert await asks_nothing(world)
    for _, call in named:
        await ended(call)

    assert [(await stored(world, one)).title for one, _ in named] == ["A greeting"] * MAX_NAMINGS
    assert (await stored(world, skipped)).title == "Hello"
    await first_reply(world)
    await world.inference.call()


async def test_a_model_that_takes_too_long_is_not_waited_for(world: World) -> None:
    conversation = await first_reply(world)
    call = await world.inference.call()
    call.say("A greeting")

    await world.clock.elapse(ANSWER_SECONDS - 1)
    assert not call.was_cancelled.is_set()
    await world.clock.elapse(1)

    assert call.was_cancelled.is_set()
    assert (await stored(world, conversation)).title == "Hello"
    ((what, error),) = world.observer.failures
    assert what == "naming a conversation"
    assert isinstance(error, InferenceTimeoutError)


async def test_failures_in_a_row_are_reported_once(world: World) -> None:
    async def fail() -> Conversation:
        conversation = await first_reply(world)
        call = await world.inference.call()
        call.say("A gree")
        call.fail(InferenceRefusedError())
        await settle()
        return conversation

    failed = [await fail() for _ in range(3)]
    assert [(await stored(world, one)).title for one in failed] == ["Hello"] * 3
    assert len(world.observer.failures) == 1

    await first_reply(world)
    await ended(await world.inference.call())
    await fail()
    assert [type(error) for _, error in world.observer.failures] == [InferenceRefusedError] * 2


async def test_a_storage_that_is_unavailable_leaves_the_title(world: World) -> None:
    conversation = await first_reply(world)
    call = await world.inference.call()
    world.storage.outage = True
    await ended(call)
    world.storage.outage = False

    assert (await stored(world, conversation)).title == "Hello"
    assert [what for what, _ in world.observer.failures] == ["naming a conversation"]


@pytest.mark.parametrize("answer", ["", "\u200b", "Here is a title:", "<think>"])
async def test_an_answer_without_a_title_leaves_the_title(world: World, answer: str) -> None:
    conversation = await first_reply(world)

    await ended(await world.inference.call(), answer)

    assert (await stored(world, conversation)).title == "Hello"
    assert world.observer.failures == []


# -- The answer -------------------------------------------------------------------------------------------------------


async def test_the_call_ends_with_the_first_whole_line_that_is_a_title(world: World) -> None:
    conversation = await first_reply(world)
    call = await world.inference.call()

    call.say("Here is one:", "\n\n", "A gree", "ting")
    await settle()
    assert not call.was_cancelled.is_set()
    call.say("!\nIt is", " short.\n")
    await settle()

    assert call.was_cancelled.is_set()
    assert (await stored(world, conversation)).title == "A greeting!"
    assert world.observer.failures == []


async def test_the_call_ends_after_so_many_characters(world: World) -> None:
    conversation = await first_reply(world)
    call = await world.inference.call()

    call.say("one two three four five six seven eight nine ", "x" * (MAX_ANSWER_CHARS - 46))
    await settle()
    assert not call.was_cancelled.is_set()
    call.say("xx")
    await settle()

    assert call.was_cancelled.is_set()
    assert (await stored(world, conversation)).title == "one two three four five six seven eight…"


async def test_only_the_text_of_the_answer_counts_and_it_is_repaired(world: World) -> None:
    conversation = await first_reply(world)
    call = await world.inference.call()

    call.on_frame(Frame(b"data: 1\n\n", part=Part(PartKind.REASONING, "Hm.\n" * MAX_ANSWER_CHARS)))
    call.on_frame(Frame(b'data: {"a":1}\n\n', part=Part(PartKind.DATA, '{"a":1}')))
    for token in ("\ud83d", "\udc4b Hello", "\x00", "\udc4b"):
        call.on_frame(Frame(frame("?").raw, token))
    await ended(call, " you")

    assert (await stored(world, conversation)).title == "👋 Hello\ufffd\ufffd you"


# -- Draining ---------------------------------------------------------------------------------------------------------


async def test_a_drain_ends_a_naming_and_waits_for_none(world: World) -> None:
    conversation = await first_reply(world)
    call = await world.inference.call()

    await world.chat.drain(20)
    await settle()

    assert call.was_cancelled.is_set()
    assert (await stored(world, conversation)).title == "Hello"
    assert world.observer.failures == []


async def test_a_reply_that_ends_while_the_process_drains_names_nothing(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    draining = asyncio.ensure_future(world.chat.drain(20))
    await settle()
    call.say("Hi")
    call.close()
    await draining

    assert has_ended(turn)
    assert await asks_nothing(world)
