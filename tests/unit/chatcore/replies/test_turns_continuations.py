"""Replies that their user lets go on."""

import asyncio

import pytest
from attrs import evolve
from tests.unit.conftest import ADA, World, has_ended, until
from tests.unit.inference_by_hand import Call, InferenceByHand

from chatcore import FrameReader, Message, ReplyError, Sampling, Status, Turn
from chatcore.errors import (
    CannotContinueError,
    InferenceUnreachableError,
    NotContinuableError,
    StorageUnavailableError,
)
from chatcore.replies.lease import LEASE_SECONDS
from chatcore.replies.transcript import End


@pytest.fixture
def able(world: World) -> World:
    """A process whose model can go on from its own text."""
    return world.replica(inference=InferenceByHand(can_continue=True))


async def stopped(world: World, *tokens: str) -> Turn:
    """A turn whose reply its user stopped after some tokens."""
    conversation = await world.conversation()
    turn = await world.send(conversation)
    (await world.inference.call()).say(*tokens)
    await world.chat.turns.stop(ADA, conversation.id, turn.reply.id)
    await until(lambda: has_ended(turn))
    return turn


async def go_on(world: World, turn: Turn, **options: object) -> Turn:
    reply = turn.reply
    return await world.chat.turns.continue_reply(ADA, reply.conversation_id, reply.id, **options)  # type: ignore[arg-type]  # what a test passes


async def continued(world: World, *tokens: str, **options: object) -> tuple[Turn, Call]:
    """A stopped reply that goes on, and the call of its model."""
    turn = await go_on(world, await stopped(world, *tokens), **options)
    return turn, await world.inference.call()


async def text_of(world: World, turn: Turn) -> bytes:
    """Everything that the request of a turn streams, once the reply has ended."""
    reader = await world.chat.turns.read(turn)
    chunks: list[bytes] = []
    while (chunk := reader.take()) or reader.end is None:
        if not chunk:
            await reader.wait()
        elif isinstance(chunk, bytes):
            chunks.append(chunk)
        else:
            chunks.append(chunk.text.encode())
    return b"".join(chunks)


async def test_the_model_gets_its_own_text_and_the_reply_grows_in_place(able: World) -> None:
    turn, call = await continued(able, "Hel", "lo", sampling=Sampling(max_tokens=7), trace_id="trace-2")
    before = await able.reply(turn)
    call.say(" again")
    call.close()
    await until(lambda: has_ended(turn))

    request = call.request
    assert (request.so_far, request.sampling, request.trace_id) == ("Hello", Sampling(max_tokens=7), "trace-2")
    assert [message.content for message in request.messages] == ["Hello"]
    assert (before.status, before.content, before.token_count) == (Status.STREAMING, "Hello", None)
    reply = await able.reply(turn)
    assert (reply.id, reply.status, reply.content) == (before.id, Status.COMPLETE, "Hello again")
    assert (reply.token_count, reply.cuts, reply.error) == (3, (5,), None)


async def test_the_stream_of_the_request_carries_only_what_is_new(able: World) -> None:
    turn, call = await continued(able, "Hello")
    streaming = asyncio.ensure_future(text_of(able, turn))
    call.say(" again")
    call.close()

    assert await streaming == b'data: {"token":" again"}\n\ndata: {"done":true}\n\n'


@pytest.mark.parametrize("how", ["closed", "failed", "stopped", "drained", "recovered"])
async def test_without_new_text_everything_is_as_it_was_before(able: World, how: str) -> None:
    first = await stopped(able, "Hello")
    before = await able.reply(first)
    turn = await go_on(able, first)
    call = await able.inference.call()
    if how == "closed":
        call.close()
    elif how == "failed":
        call.fail(InferenceUnreachableError())
    elif how == "stopped":
        await able.chat.turns.stop(ADA, turn.reply.conversation_id, turn.reply.id)
    else:
        unable = able.replica()
        if how == "drained":
            await able.drained()
        able.clock.advance(LEASE_SECONDS + 1)
        await unable.chat.pending_work.sweep()
        await able.chat.checkpointer.checkpoint()
    await until(lambda: has_ended(turn))

    assert await able.reply(turn) == evolve(before, cuts=(5,))


async def test_a_failure_of_the_model_is_told_to_who_asked(able: World) -> None:
    turn, call = await continued(able, "Hello")
    call.fail(InferenceUnreachableError())
    await until(lambda: has_ended(turn))

    assert turn.generation is not None
    assert turn.generation.transcript.end == End(ReplyError.INFERENCE_UNREACHABLE)
    assert (await able.reply(turn)).error is ReplyError.STOPPED


async def test_a_continuation_that_breaks_off_keeps_what_is_new(able: World) -> None:
    turn, call = await continued(able, "Hello")
    call.say(" a")
    call.fail(InferenceUnreachableError())
    await until(lambda: has_ended(turn))

    reply = await able.reply(turn)
    assert (reply.status, reply.content) == (Status.INTERRUPTED, "Hello a")
    assert reply.error is ReplyError.INFERENCE_UNREACHABLE


async def test_a_continuation_whose_process_dies_is_finished_by_another_one(able: World) -> None:
    turn, call = await continued(able, "Hello", sampling=Sampling(max_tokens=5))
    call.say(" a", "nd")
    await able.chat.checkpointer.checkpoint()
    other = able.replica(inference=InferenceByHand(can_continue=True))
    able.clock.advance(LEASE_SECONDS + 1)
    await other.chat.pending_work.sweep()
    taken = await other.inference.call()
    taken.say(" on")
    taken.close()
    await until(lambda: not other.chat.runner.running)

    assert (taken.request.so_far, taken.request.sampling.max_tokens) == ("Hello and", 3)
    reply = await able.reply(turn)
    assert (reply.status, reply.content, reply.token_count) == (Status.COMPLETE, "Hello and on", 4)
    assert reply.cuts == (5, 9)


@pytest.mark.parametrize("is_over", [True, False])
async def test_a_repeat_with_the_key_gets_what_is_new(able: World, *, is_over: bool) -> None:
    first = await stopped(able, "Hello")
    turn = await go_on(able, first, idempotency_key="key")
    call = await able.inference.call()
    call.say(" again")
    if is_over:
        call.close()
        await until(lambda: has_ended(turn))
    repeat = await go_on(able, first, idempotency_key="key")
    streaming = asyncio.ensure_future(text_of(able, repeat))
    if not is_over:
        call.close()

    assert b" again" in await streaming
    assert b"Hello" not in await streaming
    assert able.inference._calls.empty()


async def test_a_repeat_of_the_send_gets_the_whole_reply(able: World) -> None:
    conversation = await able.conversation()
    turn = await able.send(conversation, idempotency_key="key")
    (await able.inference.call()).say("Hello")
    await able.chat.turns.stop(ADA, conversation.id, turn.reply.id)
    again = await go_on(able, turn, idempotency_key="another-key")
    call = await able.inference.call()
    call.say(" again")
    await able.chat.checkpointer.checkpoint()

    repeat = await able.send(conversation, idempotency_key="key")
    reader = await able.chat.turns.read(repeat)
    assert not isinstance(reader, FrameReader)
    call.close()
    await until(lambda: has_ended(again))

    assert "".join(chunk.text for chunk in iter(reader.take, None)) == "Hello again"


async def test_a_service_that_cannot_continue_says_so(world: World) -> None:
    turn = await stopped(world, "Hello")

    with pytest.raises(CannotContinueError):
        await go_on(world, turn)


async def test_a_complete_reply_is_not_continued(able: World) -> None:
    turn = await able.send(await able.conversation())
    call = await able.inference.call()
    call.say("Hello")
    call.close()
    await until(lambda: has_ended(turn))

    with pytest.raises(NotContinuableError):
        await go_on(able, turn)


async def test_a_continuation_in_doubt_that_is_stored_is_generated(able: World) -> None:
    first = await stopped(able, "Hello")
    able.storage.lost_replies = 1
    with pytest.raises(StorageUnavailableError):
        await go_on(able, first)
    await able.clock.elapse(1)

    assert (await able.inference.call()).request.so_far == "Hello"


async def test_a_continuation_in_doubt_that_was_not_stored_is_not_begun_later(able: World) -> None:
    first = await stopped(able, "Hello")
    real = able.storage.begin_continuation

    async def lose(_continuation: object) -> None:
        raise StorageUnavailableError

    able.storage.begin_continuation = lose  # type: ignore[method-assign,assignment]  # a request that never arrived
    with pytest.raises(StorageUnavailableError):
        await go_on(able, first)
    able.storage.begin_continuation = real  # type: ignore[method-assign]  # as it was
    await able.clock.elapse(2)

    assert (await able.reply(first)).status is Status.STOPPED


async def test_a_reader_that_was_shown_more_than_was_stored_sees_one_reply(able: World) -> None:
    # The reply broke off in a crash: its reader has "Hello lost", and "Hello" is stored.
    turn = await able.send(await able.conversation())
    call = await able.inference.call()
    call.say("Hello")
    await able.chat.checkpointer.checkpoint()
    call.say(" lost")
    able.clock.advance(LEASE_SECONDS + 1)
    await able.replica().chat.pending_work.sweep()
    await able.chat.checkpointer.checkpoint()
    await until(lambda: has_ended(turn))
    interrupted: Message = await able.reply(turn)
    again = await go_on(able, turn)
    (await able.inference.call()).say(" and much more")

    reader = await able.chat.turns.follow(ADA, interrupted.conversation_id, interrupted.id, offset=len("Hello lost"))

    assert interrupted.content == "Hello"
    assert reader is not None
    chunks = list(iter(reader.take, None))
    assert [(chunk.text, chunk.end_offset, chunk.generation) for chunk in chunks] == [
        ("", 5, 2),
        (" and much more", 19, None),
    ]
    assert again.reply.stream_id == "5-2"
