"""Tests sending, regenerating, stopping and following over the in-memory storage."""

import asyncio
from functools import partial

import pytest
from tests.unit.conftest import ADA, BOB, World, has_ended, until
from tests.unit.inference_by_hand import Call

from chatcore import (
    FrameReader,
    HistoryLimits,
    HistoryMessage,
    Limits,
    ReplyError,
    Role,
    Sampling,
    Status,
    Stretch,
    Turn,
)
from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.history import MAX_HISTORY_MESSAGES
from chatcore.conversations.message import MessageId
from chatcore.errors import (
    ConversationNotFoundError,
    DrainingError,
    GenerationInProgressError,
    IdempotencyKeyReusedError,
    InferenceInterruptedError,
    InferenceRefusedError,
    InferenceTimeoutError,
    InferenceUnreachableError,
    InvalidInputError,
    MessageNotFoundError,
    NothingToRegenerateError,
    TooManyGenerationsError,
)
from chatcore.ports import AcceptedTurn, Frame, NewTurn
from chatcore.replies.transcript import End


async def complete(world: World, *tokens: str) -> None:
    call = await world.inference.call()
    call.say(*tokens)
    call.close()


async def test_a_message_is_answered_and_both_are_stored(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation, "What is two and two?")
    await complete(world, "Fo", "ur")
    await until(lambda: has_ended(turn))

    reply = await world.reply(turn)

    assert (reply.content, reply.status, reply.token_count) == ("Four", Status.COMPLETE, 2)
    assert await world.path(conversation) == ["What is two and two?", "Four"]
    opened = await world.chat.conversations.open(ADA, conversation.id)
    assert opened.conversation.title == "What is two and two?"


@pytest.mark.parametrize(("max_messages", "limit"), [(3, 3), (MAX_HISTORY_MESSAGES + 1, MAX_HISTORY_MESSAGES)])
async def test_the_storage_is_asked_for_a_bounded_history(world: World, max_messages: int, limit: int) -> None:
    replica = world.replica(limits=Limits(history=HistoryLimits(max_messages=max_messages)))
    limits: list[int] = []
    real = world.storage.begin_turn

    async def begin_turn(turn: NewTurn) -> AcceptedTurn:
        limits.append(turn.history_limit)
        return await real(turn)

    world.storage.begin_turn = begin_turn  # type: ignore[method-assign]  # a storage that keeps what it is asked
    turn = await replica.send(await world.conversation())
    await complete(replica)
    await until(partial(has_ended, turn))

    assert limits == [limit]


async def test_the_first_message_with_visible_text_titles_the_conversation(world: World) -> None:
    conversation = await world.conversation()
    titles: list[str] = []
    for content in ("\u200b\u202e ", "Hello\u2067", "More"):
        turn = await world.send(conversation, content)
        await complete(world, "a")
        await until(partial(has_ended, turn))
        titles.append((await world.chat.conversations.open(ADA, conversation.id)).conversation.title)

    assert titles == ["New conversation", "Hello\u2067", "Hello\u2067"]


async def test_the_model_of_the_conversation_is_given_its_instructions(world: World) -> None:
    conversation = await world.chat.conversations.create(ADA, instructions="Be brief.", model_tag="small")
    turn = await world.send(conversation, "One")
    call = await world.inference.call()
    call.say("1")
    call.close()
    await until(partial(has_ended, turn))
    changes = ConversationChanges(instructions="Rhyme.", model_tag="large")
    await world.chat.conversations.update(ADA, conversation.id, changes)
    await world.regenerate(conversation)

    regenerated = (await world.inference.call()).request

    assert (call.request.instructions, regenerated.instructions) == ("Be brief.", "Rhyme.")
    assert (call.request.model_tag, regenerated.model_tag) == ("small", "large")
    assert call.request.messages == regenerated.messages == (HistoryMessage(Role.USER, "One"),)


async def test_the_instructions_count_towards_the_budget_of_the_history(world: World) -> None:
    replica = world.replica(limits=Limits(history=HistoryLimits(budget=12)))
    conversation = await replica.chat.conversations.create(ADA, instructions="12345")
    turn = await replica.send(conversation, "abc")
    await complete(replica, "defg")
    await until(partial(has_ended, turn))

    await replica.send(conversation, "hi")

    request = (await replica.inference.call()).request
    assert [message.content for message in request.messages] == ["c", "defg", "hi"]


@pytest.mark.parametrize("is_complete", [True, False], ids=["empty", "failed"])
async def test_the_model_sees_a_question_without_an_answer_together_with_the_next_one(
    world: World, *, is_complete: bool
) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation, "One")
    call = await world.inference.call()
    if is_complete:
        call.close()
    else:
        call.fail(InferenceUnreachableError())
    await until(partial(has_ended, turn))
    await world.send(conversation, "Two")

    call = await world.inference.call()

    assert call.request.messages == (HistoryMessage(Role.USER, "One\n\nTwo"),)


async def test_the_message_is_stored_before_the_inference_call(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation, "Hello")

    assert await world.path(conversation) == ["Hello", ""]
    assert (await world.reply(turn)).status is Status.STREAMING


async def test_the_model_sees_the_conversation_so_far(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation, "One")
    await complete(world, "Two")
    await until(lambda: has_ended(turn))
    await world.send(conversation, "Three", trace_id="trace-7")

    call = await world.inference.call()

    assert [m.content for m in call.request.messages] == ["One", "Two", "Three"]
    assert (call.request.trace_id, call.request.user_id) == ("trace-7", "ada")


async def test_a_reader_gets_the_end_only_after_the_reply_is_stored(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    reader = await world.chat.turns.read(turn)
    call = await world.inference.call()
    call.say("a", "b")
    world.storage.outage = True
    call.close()
    await world.clock.sleepers(1)  # The first attempt to store the final state has failed.
    before = (reader.take(), reader.end)

    world.storage.outage = False
    await world.clock.elapse(1)
    await until(lambda: reader.end is not None)

    assert isinstance(reader, FrameReader)
    assert before == (b'data: {"token":"a"}\n\ndata: {"token":"b"}\n\n', None)
    assert (reader.take(), reader.end) == (b'data: {"done":true}\n\n', End())
    assert (await world.reply(turn)).content == "ab"


async def test_a_caller_that_disconnects_changes_nothing(world: World) -> None:
    conversation = await world.conversation()
    sending = asyncio.ensure_future(world.send(conversation, "Hello"))
    await asyncio.sleep(0)
    sending.cancel()

    call = await world.inference.call()
    call.say("Hi")
    call.close()
    await until(lambda: not world.chat.runner.running)

    assert await world.path(conversation) == ["Hello", "Hi"]


async def test_a_conversation_has_one_reply_in_generation(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)

    with pytest.raises(GenerationInProgressError) as refused:
        await world.send(conversation)
    with pytest.raises(GenerationInProgressError):
        await world.regenerate(conversation)

    assert refused.value.message_id == turn.reply.id
    assert await world.path(conversation) == ["Hello", ""]


async def test_a_user_has_a_limited_number_of_replies_in_generation(world: World) -> None:
    conversations = [await world.conversation() for _ in range(9)]
    results = await asyncio.gather(*(world.send(c) for c in conversations), return_exceptions=True)

    refused = [result for result in results if isinstance(result, TooManyGenerationsError)]
    assert (len(results) - len(refused), len(refused)) == (8, 1)


@pytest.mark.parametrize("content", ["", "x" * 8001, "\x00", "\ud800"])
async def test_content_that_breaks_its_limits_is_rejected_and_not_stored(world: World, content: str) -> None:
    conversation = await world.conversation()

    with pytest.raises(InvalidInputError):
        await world.send(conversation, content)

    assert await world.path(conversation) == []


async def test_content_of_exactly_the_limit_is_accepted(world: World) -> None:
    conversation = await world.conversation()
    await world.send(conversation, "😀" * 8000)

    assert await world.path(conversation) == ["😀" * 8000, ""]


async def test_another_users_conversation_is_not_found(world: World) -> None:
    conversation = await world.conversation(BOB)
    turn = await world.send(conversation)

    with pytest.raises(ConversationNotFoundError):
        await world.chat.turns.send(ADA, conversation.id, "Hello", sampling=Sampling())
    with pytest.raises(ConversationNotFoundError):
        await world.chat.turns.regenerate(ADA, conversation.id, sampling=Sampling())
    with pytest.raises(MessageNotFoundError):
        await world.chat.turns.stop(ADA, conversation.id, turn.reply.id)
    with pytest.raises(MessageNotFoundError):
        await world.chat.turns.follow(ADA, conversation.id, turn.reply.id)


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (InferenceUnreachableError(), ReplyError.INFERENCE_UNREACHABLE),
        (InferenceTimeoutError(), ReplyError.INFERENCE_TIMEOUT),
        (RuntimeError("a bug in an adapter"), ReplyError.INFERENCE_ERROR),
    ],
)
async def test_a_reply_without_text_has_failed_and_is_shown_until_the_next_message(
    world: World, error: Exception, shown: ReplyError
) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    (await world.inference.call()).fail(error)
    await until(lambda: has_ended(turn))

    reply = await world.reply(turn)

    assert (reply.status, reply.error) == (Status.FAILED, shown)
    assert await world.path(conversation) == ["Hello", ""]
    await world.send(conversation, "Are you there?")
    assert await world.path(conversation) == ["Hello", "Are you there?", ""]


async def test_an_adapters_own_error_is_shown_as_its_base_class(world: World) -> None:
    class OverloadedError(InferenceInterruptedError):
        code = "inference_overloaded"

    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    call.say("Four sc")
    call.fail(OverloadedError())
    await until(lambda: has_ended(turn))

    reply = await world.reply(turn)
    assert (reply.status, reply.content, reply.error) == (
        Status.INTERRUPTED,
        "Four sc",
        ReplyError.INFERENCE_INTERRUPTED,
    )


async def test_a_reply_that_broke_off_keeps_its_text(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    call.say("Four sc")
    call.fail(InferenceInterruptedError())
    await until(lambda: has_ended(turn))

    reply = await world.reply(turn)

    assert (reply.status, reply.content) == (Status.INTERRUPTED, "Four sc")
    assert await world.path(conversation) == ["Hello", "Four sc"]


async def test_an_inference_call_without_closing_frame_interrupts_the_reply(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    call.say("a")
    call.result.set_result(None)
    await until(lambda: has_ended(turn))

    assert (await world.reply(turn)).error is ReplyError.INFERENCE_INTERRUPTED


@pytest.mark.parametrize(("tokens", "status"), [((), Status.FAILED), (("a",), Status.INTERRUPTED)])
async def test_a_reply_whose_closing_frame_reports_an_error_is_not_complete(
    world: World, tokens: tuple[str, ...], status: Status
) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    call.say(*tokens)
    call.on_frame(Frame(b'data: {"error":"out of memory","done":true}\n\n', is_closing=True))
    call.fail(InferenceRefusedError())
    await until(lambda: has_ended(turn))

    reply = await world.reply(turn)

    assert (reply.status, reply.error) == (status, ReplyError.INFERENCE_ERROR)


async def test_a_bug_after_the_closing_frame_does_not_spoil_the_reply(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    call.say("a")
    call.on_frame(Frame(b'data: {"done":true}\n\n', is_closing=True))
    call.fail(RuntimeError())
    await until(lambda: has_ended(turn))

    assert (await world.reply(turn)).status is Status.COMPLETE


async def test_a_regenerated_reply_stands_beside_the_old_one(world: World) -> None:
    conversation = await world.conversation()
    first = await world.send(conversation)
    await complete(world, "old")
    await until(lambda: has_ended(first))
    second = await world.regenerate(conversation)
    call = await world.inference.call()
    asked = [m.content for m in call.request.messages]
    call.say("new")
    call.close()
    await until(lambda: has_ended(second))

    assert asked == ["Hello"]
    assert await world.path(conversation) == ["Hello", "new"]
    tree = await world.chat.conversations.open_tree(ADA, conversation.id)
    question, old, new = await tree.messages()
    assert [question.content, old.content, new.content] == ["Hello", "old", "new"]
    assert old.parent_id == new.parent_id == question.id


async def test_a_regeneration_that_comes_to_nothing_keeps_the_old_reply(world: World) -> None:
    conversation = await world.conversation()
    first = await world.send(conversation)
    await complete(world, "old")
    await until(lambda: has_ended(first))

    async def stop(again: Turn, _call: Call) -> None:
        await world.chat.turns.stop(ADA, conversation.id, again.reply.id)

    async def fail(_again: Turn, call: Call) -> None:
        call.fail(InferenceUnreachableError())

    async def break_off(_again: Turn, call: Call) -> None:
        call.say("n")
        call.fail(InferenceInterruptedError())

    async def say_nothing(_again: Turn, call: Call) -> None:
        call.close()

    async def say_nothing_visible(_again: Turn, call: Call) -> None:
        call.say("\u200b ")
        call.close()

    for act in (stop, fail, break_off, say_nothing, say_nothing_visible):
        again = await world.regenerate(conversation)
        await act(again, await world.inference.call())
        await until(lambda again=again: has_ended(again))  # type: ignore[misc]  # mypy cannot infer a default's type

        assert await world.path(conversation) == ["Hello", "old"], act


async def test_a_regeneration_that_its_user_stopped_takes_the_place_with_what_came(world: World) -> None:
    conversation = await world.conversation()
    first = await world.send(conversation)
    await complete(world, "old")
    await until(lambda: has_ended(first))

    again = await world.regenerate(conversation)
    (await world.inference.call()).say("n")
    await world.chat.turns.stop(ADA, conversation.id, again.reply.id)

    assert await world.path(conversation) == ["Hello", "n"]


async def test_a_message_whose_reply_failed_can_be_regenerated(world: World) -> None:
    conversation = await world.conversation()
    failed = await world.send(conversation)
    (await world.inference.call()).fail(InferenceUnreachableError())
    await until(lambda: has_ended(failed))
    again = await world.regenerate(conversation)
    await complete(world, "Hi")
    await until(lambda: has_ended(again))

    assert await world.path(conversation) == ["Hello", "Hi"]


async def test_an_empty_conversation_has_nothing_to_regenerate(world: World) -> None:
    with pytest.raises(NothingToRegenerateError):
        await world.regenerate(await world.conversation())


async def test_a_stop_cancels_the_inference_call_and_keeps_the_text(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    call.say("Four sc")

    message, _ = await asyncio.gather(world.chat.turns.stop(ADA, conversation.id, turn.reply.id), world.clock.elapse(1))
    again = await world.chat.turns.stop(ADA, conversation.id, turn.reply.id)

    assert call.was_cancelled.is_set()
    assert (message.status, message.content, message.error) == (Status.STOPPED, "Four sc", ReplyError.STOPPED)
    assert again == message
    assert turn.generation is not None
    assert turn.generation.transcript.end == End(ReplyError.STOPPED)


async def test_only_a_reply_can_be_stopped_or_followed(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)

    for message_id in (turn.user_message.id, MessageId(conversation.id)):
        with pytest.raises(MessageNotFoundError):
            await world.chat.turns.stop(ADA, conversation.id, message_id)
        with pytest.raises(MessageNotFoundError):
            await world.chat.turns.follow(ADA, conversation.id, message_id)


async def test_a_repeat_with_the_same_key_attaches_to_the_same_reply(world: World) -> None:
    conversation = await world.conversation()
    first, second = await asyncio.gather(
        world.send(conversation, idempotency_key="k"), world.send(conversation, idempotency_key="k")
    )
    await complete(world, "Hi")
    await until(lambda: has_ended(first))
    later = await world.send(conversation, idempotency_key="k")
    reader = await world.chat.turns.read(later)

    assert first.reply.id == second.reply.id == later.reply.id
    assert await world.path(conversation) == ["Hello", "Hi"]
    assert (reader.take(), reader.end) == (Stretch("Hi", 2), End())


async def test_a_key_that_is_sent_with_another_request_is_rejected(world: World) -> None:
    conversation = await world.conversation()
    await world.send(conversation, "Hello", idempotency_key="k")

    with pytest.raises(IdempotencyKeyReusedError):
        await world.send(conversation, "Good day", idempotency_key="k")


async def test_a_regeneration_is_repeated_by_its_key_too(world: World) -> None:
    conversation = await world.conversation()
    first = await world.send(conversation)
    await complete(world, "old")
    await until(lambda: has_ended(first))

    again = await world.regenerate(conversation, idempotency_key="k")
    repeat = await world.regenerate(conversation, idempotency_key="k")
    readers = [await world.chat.turns.read(turn) for turn in (again, repeat)]
    await complete(world, "new")
    await until(lambda: has_ended(again))
    later = await world.regenerate(conversation, idempotency_key="k")

    assert again.reply.id == repeat.reply.id == later.reply.id
    assert readers[0].take() == readers[1].take() == b'data: {"token":"new"}\n\ndata: {"done":true}\n\n'
    assert (later.reply.content, later.generation) == ("new", None)
    with pytest.raises(IdempotencyKeyReusedError):
        await world.regenerate(conversation, idempotency_key="k", sampling=Sampling(top_k=1))
    with pytest.raises(IdempotencyKeyReusedError):
        await world.send(conversation, idempotency_key="k")


async def test_a_key_of_a_message_is_not_one_of_a_regeneration(world: World) -> None:
    conversation = await world.conversation()
    await world.send(conversation, idempotency_key="k")

    with pytest.raises(IdempotencyKeyReusedError):
        await world.regenerate(conversation, idempotency_key="k")


async def test_a_repeat_under_other_defaults_is_the_same_send(world: World) -> None:
    conversation = await world.conversation()

    async def send(max_tokens: int) -> Turn:
        return await world.chat.turns.send(
            ADA,
            conversation.id,
            "Hello",
            sampling=Sampling(max_tokens=max_tokens),
            idempotency_key="k",
            as_sent={"content": "Hello"},
        )

    first, second = await send(1024), await send(1000)

    assert first.reply.id == second.reply.id


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é", "\n"])
async def test_a_malformed_key_is_rejected_by_name(world: World, key: str) -> None:
    conversation = await world.conversation()

    with pytest.raises(InvalidInputError) as refused:
        await world.send(conversation, idempotency_key=key)

    assert [p.field for p in refused.value.problems] == ["Idempotency-Key"]


async def test_a_process_that_shuts_down_accepts_no_turns(world: World) -> None:
    conversation = await world.conversation()
    await world.chat.drain(0)

    with pytest.raises(DrainingError):
        await world.send(conversation)
    with pytest.raises(DrainingError):
        await world.regenerate(conversation)

    assert await world.path(conversation) == []
