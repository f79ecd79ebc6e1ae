"""What keeps the promises when things go wrong: checkpoints, rescue, following elsewhere, drain."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from chatcore import Reader, ReplyError, Status, Stretch, User
from chatcore.checkpoints import MAX_UNSTORED_BYTES
from chatcore.errors import DrainingError, MessageNotFoundError
from chatcore.generations import FINISH_TRIES_ON_BUGS
from chatcore.lease import LEASE_SECONDS, RENEWAL_SECONDS, Ending, Lease, OwnerId, Progress, Verdict
from chatcore.message import MessageId
from chatcore.ports import DeltaRead, DeltaReader
from chatcore.rescue import SWEEP_SECONDS
from chatcore.transcript import RECONNECT, End
from tests.unit.conftest import ADA, World, has_ended, until


async def following(world: World, turn_world: World, offset: int | None = None) -> Reader[Stretch]:
    """A reader on `world` of the only reply that `turn_world` makes."""
    (generation,) = turn_world.chat.generations.running
    lease = generation.lease
    reader = await world.chat.turns.follow(ADA, lease.conversation_id, lease.message_id, offset=offset)
    assert reader is not None
    return reader


def rest(reader: Reader[Stretch]) -> str:
    """All text that has come for a reader."""
    text = ""
    while (stretch := reader.take()) is not None:
        assert not stretch.is_rewind
        text += stretch.text
    return text


# -- Checkpoints ----------------------------------------------------------------------------------------------------


async def test_text_is_stored_four_times_a_second_while_it_is_made(world: World) -> None:
    await world.send(await world.conversation())
    call = await world.inference.call()
    reader = await following(world.replica(), world)

    async with world.chat:
        call.say("Four ", "score")
        await world.clock.elapse(0.5)
        first = rest(reader)
        call.say(" and seven")
        await world.clock.elapse(0.5)

        assert (first, rest(reader)) == ("Four score", " and seven")
        call.close()


async def test_a_generation_lives_through_an_outage_of_the_storage(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    async with world.chat:
        call.say("before ")
        await world.clock.elapse(0.3)
        world.storage.outage = True
        call.say("during ")
        await world.clock.elapse(10)
        world.storage.outage = False
        call.say("after")
        await world.clock.elapse(0.5)
        call.close()
        await until(lambda: has_ended(turn))

    reply = await world.reply(turn)
    assert (reply.content, reply.status) == ("before during after", Status.COMPLETE)


async def test_checkpoints_whose_confirmation_is_lost_store_nothing_twice(world: World) -> None:
    await world.send(await world.conversation())
    call = await world.inference.call()
    reader = await following(world.replica(), world)
    call.say("a")
    world.storage.lost_replies = 2  # The batch, and then the single try.
    await world.chat.checkpointer.checkpoint()
    call.say("b")
    await world.chat.checkpointer.checkpoint()
    await world.chat.checkpointer.checkpoint()
    await world.clock.elapse(1)

    assert rest(reader) == "ab"


async def test_a_generation_that_cannot_be_stored_does_not_hold_up_the_others(world: World) -> None:
    sick = await world.send(await world.conversation())
    sick_call = await world.inference.call()
    well = await world.send(await world.conversation())
    well_call = await world.inference.call()
    sick_call.say("a")
    well_call.say("b")
    real = world.storage.checkpoint
    refused = sick.reply.id

    async def checkpoint(owner_id: OwnerId, parts: Sequence[Progress]) -> Mapping[MessageId, Verdict]:
        if any(part.lease.message_id == refused for part in parts):
            raise RuntimeError("cannot be stored")
        return await real(owner_id, parts)

    world.storage.checkpoint = checkpoint  # type: ignore[method-assign]  # a storage with one sick row
    await world.chat.checkpointer.checkpoint()

    assert well.generation is not None
    assert sick.generation is not None
    assert (well.generation.unstored_bytes, sick.generation.unstored_bytes) == (0, 1)


async def test_text_waits_for_the_storage_up_to_a_bound(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    async with world.chat:
        world.storage.outage = True
        call.say("x" * MAX_UNSTORED_BYTES)
        await world.clock.elapse(1)
        held = call.was_cancelled.is_set()
        call.say("x")
        await world.clock.elapse(1)
        world.storage.outage = False
        await world.clock.elapse(1)
        await until(lambda: has_ended(turn))

    reply = await world.reply(turn)
    assert (held, call.was_cancelled.is_set()) == (False, True)
    assert (reply.status, len(reply.content)) == (Status.INTERRUPTED, MAX_UNSTORED_BYTES + 1)


async def test_a_lease_is_kept_as_long_as_the_generation_lives(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    other = world.replica()
    async with world.chat, other.chat:
        await world.clock.elapse(10 * LEASE_SECONDS)
        call.say("slow")
        call.close()
        await until(lambda: has_ended(turn))

    assert (await world.reply(turn)).status is Status.COMPLETE
    assert other.observer.rescues == []


# -- Stop and delete, elsewhere -------------------------------------------------------------------------------------


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


async def test_a_stop_whose_owner_does_not_answer_returns_what_there_is(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    await world.inference.call()
    stopping = asyncio.ensure_future(world.replica().chat.turns.stop(ADA, conversation.id, turn.reply.id))
    await world.clock.elapse(10)

    assert (await stopping).status is Status.STREAMING


async def test_a_stop_that_waits_for_another_process_does_not_outlive_its_own(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    await world.inference.call()
    ending = world.replica()
    stopping = asyncio.ensure_future(ending.chat.turns.stop(ADA, conversation.id, turn.reply.id))
    await world.clock.elapse(1)
    await ending.chat.drain(0)
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


# -- Rescue ---------------------------------------------------------------------------------------------------------


async def test_the_reply_of_a_process_that_died_is_brought_to_its_end(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    call.say("stored")
    await world.chat.checkpointer.checkpoint()
    call.say(" lost")
    other = world.replica()

    async with other.chat:  # Only the other one's background work runs: the first is as good as dead.
        await world.clock.elapse(LEASE_SECONDS + 7)

    reply = await world.reply(turn)
    assert (reply.status, reply.content, reply.error) == (
        Status.INTERRUPTED,
        "stored",
        ReplyError.INFERENCE_INTERRUPTED,
    )


async def test_a_rescued_reply_without_text_has_failed_and_its_message_can_be_answered(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    await world.inference.call()
    other = world.replica()
    async with other.chat:
        await world.clock.elapse(LEASE_SECONDS + 7)

        assert (await world.reply(turn)).status is Status.FAILED
        assert await world.path(conversation) == ["Hello"]
        again = await other.regenerate(conversation)
        call = await other.inference.call()
        call.say("Hi")
        call.close()
        await until(lambda: has_ended(again))

    assert await world.path(conversation) == ["Hello", "Hi"]


@pytest.mark.parametrize("text", ["stored", ""])
async def test_a_stop_that_the_dead_owner_never_heard_of_is_what_the_rescue_carries_out(
    world: World, text: str
) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    (await world.inference.call()).say(text)
    await world.chat.checkpointer.checkpoint()
    other = world.replica()
    async with other.chat:
        stopping = asyncio.ensure_future(other.chat.turns.stop(ADA, conversation.id, turn.reply.id))
        await world.clock.elapse(LEASE_SECONDS + 7)
        await asyncio.wait([stopping])

    reply = await world.reply(turn)
    assert (reply.status, reply.content, reply.error) == (Status.STOPPED, text, ReplyError.STOPPED)
    assert await world.path(conversation) == (["Hello", text] if text else ["Hello"])


async def test_an_owner_that_comes_back_after_its_rescue_writes_nothing_and_hangs_up(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    call.say("stored")
    await world.chat.checkpointer.checkpoint()
    async with world.replica().chat:
        await world.clock.elapse(LEASE_SECONDS + 7)
    call.say(" too late")

    await world.chat.checkpointer.checkpoint()
    await until(lambda: has_ended(turn))

    assert call.was_cancelled.is_set()
    assert turn.generation is not None
    assert turn.generation.transcript.end == RECONNECT
    assert (await world.reply(turn)).content == "stored"


async def test_a_reply_that_its_owner_finishes_too_late_stays_as_it_was_rescued(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    call.say("a")
    async with world.replica().chat:
        await world.clock.elapse(LEASE_SECONDS + 7)
    call.close()
    await until(lambda: has_ended(turn))

    assert turn.generation is not None
    assert turn.generation.transcript.end == RECONNECT
    assert (await world.reply(turn)).status is Status.FAILED


async def test_nobody_is_rescued_right_after_an_outage_in_which_nobody_could_renew(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    other = world.replica()
    async with other.chat:
        await world.clock.elapse(1)
        world.storage.outage = True
        await world.clock.elapse(2 * LEASE_SECONDS)
        world.storage.outage = False
        await world.chat.checkpointer.checkpoint()
        call.say("alive")
        call.close()
        await until(lambda: has_ended(turn))

    assert (await world.reply(turn)).content == "alive"
    assert other.observer.rescues == []


async def test_an_outage_at_the_moment_of_a_rescue_delays_it_by_seconds_only(world: World) -> None:
    turn = await world.send(await world.conversation())
    await world.inference.call()
    other = world.replica()
    async with other.chat:
        await world.clock.elapse(LEASE_SECONDS - 1)
        # Long enough for every sweep to meet it, whenever it comes.
        world.storage.outage = True
        await world.clock.elapse(SWEEP_SECONDS * 1.2)
        world.storage.outage = False
        await world.clock.elapse(RENEWAL_SECONDS * 1.2 + 1.5)

    assert (await world.reply(turn)).status is Status.FAILED


async def test_a_sweep_rescues_however_many_there_are(world: World) -> None:
    turns = [await world.send(await world.chat.conversations.create(_user(n))) for n in range(230)]
    other = world.replica()
    world.clock.advance(LEASE_SECONDS + 1)

    assert await other.chat.rescuer.sweep()

    assert len(other.observer.rescues) == len(turns)


# -- Following elsewhere --------------------------------------------------------------------------------------------


async def test_a_reader_elsewhere_gets_the_text_and_the_end(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    reader = await following(world.replica(), world, offset=5)
    async with world.chat:
        call.say("Four score")
        await world.clock.elapse(1)
        live = rest(reader)
        call.say(" and seven")
        call.close()
        await until(lambda: has_ended(turn))
        await world.clock.elapse(1)

    assert (live, rest(reader), reader.end) == ("score", " and seven", End())


async def test_a_reader_that_was_shown_more_than_survived_steps_back(world: World) -> None:
    await world.send(await world.conversation())
    call = await world.inference.call()
    call.say("stored")
    await world.chat.checkpointer.checkpoint()
    call.say(" and lost")
    other = world.replica()
    reader = await following(other, world, offset=len("stored and lost"))
    async with other.chat:
        await world.clock.elapse(1)
        waiting = (reader.take(), reader.end)
        await world.clock.elapse(LEASE_SECONDS + 7)

    assert waiting == (None, None)
    assert reader.take() == Stretch("", len("stored"))
    assert reader.end == End(ReplyError.INFERENCE_INTERRUPTED)


async def test_a_reader_elsewhere_that_claims_more_than_there_is_steps_back_and_goes_on(world: World) -> None:
    await world.send(await world.conversation())
    call = await world.inference.call()
    reader = await following(world.replica(), world, offset=50)
    async with world.chat:
        call.say("Four")
        await world.clock.elapse(1)
        at_first = reader.take()
        await world.clock.elapse(2)
        back = reader.take()
        call.say(" score")
        await world.clock.elapse(1)
        after = rest(reader)
        call.close()

    assert (at_first, back, after) == (None, Stretch("", 4), " score")


async def test_all_readers_elsewhere_share_one_query_a_tick(world: World) -> None:
    await world.send(await world.conversation())
    other = world.replica()
    asked: list[int] = []
    real = world.storage.read_deltas

    async def read_deltas(readers: Sequence[DeltaReader]) -> Sequence[DeltaRead]:
        asked.append(len(readers))
        return await real(readers)

    world.storage.read_deltas = read_deltas  # type: ignore[method-assign]  # a storage that counts
    readers = [await following(other, world) for _ in range(20)]
    await world.clock.elapse(0.9)
    for reader in readers:
        other.chat.follower.leave(reader)
    await world.clock.elapse(10)

    assert asked == [1, 20, 20, 20]  # The first reader does not wait for the others.


async def test_a_reader_elsewhere_waits_out_an_outage(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    reader = await following(world.replica(), world)
    async with world.chat:
        world.storage.outage = True
        call.say("a")
        await world.clock.elapse(5)
        world.storage.outage = False
        call.close()
        await world.clock.elapse(2)
        await until(lambda: has_ended(turn))
        await world.clock.elapse(1)

    assert (rest(reader), reader.end) == ("a", End())


async def test_a_reader_elsewhere_is_told_that_the_conversation_was_deleted(world: World) -> None:
    conversation = await world.conversation()
    await world.send(conversation)
    other = world.replica()
    reader = await following(other, world)
    await other.chat.conversations.delete(ADA, conversation.id)
    await world.clock.elapse(1)

    assert reader.end == End(ReplyError.STOPPED)


async def test_who_has_all_of_a_finished_reply_gets_nothing_more(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    call.say("Four")
    call.close()
    await until(lambda: has_ended(turn))

    async def follow(offset: int | None) -> tuple[Stretch | None, End | None] | None:
        reader = await world.chat.turns.follow(ADA, conversation.id, turn.reply.id, offset=offset)
        return None if reader is None else (reader.take(), reader.end)

    assert await follow(None) == (Stretch("Four", 4), End())
    assert await follow(0) == (Stretch("Four", 4), End())
    assert await follow(3) == (Stretch("r", 4), End())
    assert await follow(4) is None
    assert await follow(5) == (Stretch("", 4), End())


async def test_a_failed_reply_tells_its_reason_once(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    (await world.inference.call()).result.set_result(None)
    await until(lambda: has_ended(turn))

    reader = await world.chat.turns.follow(ADA, conversation.id, turn.reply.id)
    again = await world.chat.turns.follow(ADA, conversation.id, turn.reply.id, offset=0)

    assert reader is not None
    assert (reader.take(), reader.end) == (None, End(ReplyError.INFERENCE_INTERRUPTED))
    assert again is None


# -- Drain ----------------------------------------------------------------------------------------------------------


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


async def test_a_drain_stores_what_there_is_when_its_time_is_over_and_sends_readers_away(world: World) -> None:
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


async def test_a_hurried_drain_waits_for_nothing_and_loses_nothing(world: World) -> None:
    turn = await world.send(await world.conversation())
    (await world.inference.call()).say("half")
    draining = asyncio.ensure_future(world.chat.drain(20))
    await world.clock.sleepers(1)
    world.chat.generations.hurry()
    await draining

    assert (await world.reply(turn)).content == "half"


async def test_a_drain_sends_readers_of_replies_made_elsewhere_away(world: World) -> None:
    await world.send(await world.conversation())
    other = world.replica()
    reader = await following(other, world)
    await other.chat.drain(0)

    assert reader.end == RECONNECT
    assert (await following(other, world)).end == RECONNECT


async def test_a_drain_ends_although_the_storage_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatcore.generations.DRAIN_FINISH_SECONDS", 0.01)
    turn = await world.send(await world.conversation())
    (await world.inference.call()).say("a")
    reader = await world.chat.turns.read(turn)
    world.storage.outage = True
    draining = asyncio.ensure_future(world.chat.drain(20))
    await world.clock.sleepers(1)
    world.chat.generations.hurry()
    await draining

    assert reader.end == RECONNECT
    assert world.chat.generations.running == ()


async def test_a_turn_that_is_just_being_stored_when_the_drain_begins_is_drained_too(world: World) -> None:
    conversation = await world.conversation()
    sending = asyncio.ensure_future(world.send(conversation))
    await asyncio.sleep(0)
    await world.chat.drain(0)

    turn = await sending
    assert (await world.reply(turn)).status is Status.FAILED
    with pytest.raises(DrainingError):
        await world.send(conversation)


# -- Bugs -----------------------------------------------------------------------------------------------------------


async def test_a_reply_that_cannot_be_finished_is_left_to_rescue(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()

    async def finish(lease: Lease, ending: Ending) -> bool:  # noqa: ARG001 - the names are the port's
        raise RuntimeError("a bug")

    world.storage.finish = finish  # type: ignore[method-assign]  # a storage with a bug
    call.close()
    await world.clock.elapse(10)
    await until(lambda: has_ended(turn))

    assert turn.generation is not None
    assert turn.generation.transcript.end == RECONNECT
    assert [what for what, _ in world.observer.failures] == ["finishing a reply"] * FINISH_TRIES_ON_BUGS
    assert world.observer.endings == [None]


def _user(number: int) -> User:
    return User(id=f"user-{number}")
