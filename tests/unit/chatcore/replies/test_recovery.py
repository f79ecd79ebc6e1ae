"""Tests that orphaned replies, whose owners died or could not finish them, are finished."""

import asyncio
from collections.abc import Callable

import pytest
from tests.unit.conftest import ADA, World, has_ended, until

from chatcore import ReplyError, Status, User
from chatcore.errors import StorageUnavailableError
from chatcore.pending_work import SWEEP_SECONDS
from chatcore.replies.generation_runner import FINISH_TRIES_ON_BUGS
from chatcore.replies.lease import LEASE_SECONDS, RENEWAL_SECONDS, FinalState, Lease
from chatcore.replies.orphans import OrphanedReply, ResumedReply, Resumption
from chatcore.replies.transcript import RECONNECT


async def test_the_reply_of_a_dead_process_is_finished(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    call.say("stored")
    await world.chat.checkpointer.checkpoint()
    call.say(" lost")
    other = world.replica()

    async with other.chat:  # Only the other process runs background work, as if the first one had died.
        await world.clock.elapse(LEASE_SECONDS + 7)

    reply = await world.reply(turn)
    assert (reply.status, reply.content, reply.error) == (
        Status.INTERRUPTED,
        "stored",
        ReplyError.INFERENCE_INTERRUPTED,
    )


async def test_a_recovered_reply_without_text_has_failed_and_can_be_regenerated(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    await world.inference.call()
    other = world.replica()
    async with other.chat:
        await world.clock.elapse(LEASE_SECONDS + 7)

        assert (await world.reply(turn)).status is Status.FAILED
        assert await world.path(conversation) == ["Hello", ""]
        again = await other.regenerate(conversation)
        call = await other.inference.call()
        call.say("Hi")
        call.close()
        await until(lambda: has_ended(again))

    assert await world.path(conversation) == ["Hello", "Hi"]


@pytest.mark.parametrize("text", ["stored", ""])
@pytest.mark.parametrize("earlier", ["old", None])
@pytest.mark.parametrize("is_owner_alive", [True, False])
async def test_a_stopped_reply_ends_alike_whether_by_its_owner_or_by_recovery(
    world: World,
    text: str,
    earlier: str | None,
    is_owner_alive: bool,  # noqa: FBT001 - a column of the table
) -> None:
    conversation = await world.conversation()
    if earlier is not None:
        before = await world.send(conversation)
        call = await world.inference.call()
        call.say(earlier)
        call.close()
        await until(lambda: has_ended(before))
    turn = await (world.send(conversation) if earlier is None else world.regenerate(conversation))
    (await world.inference.call()).say(text)
    await world.chat.checkpointer.checkpoint()
    other = world.replica()
    async with other.chat:
        stopping = asyncio.ensure_future(other.chat.turns.stop(ADA, conversation.id, turn.reply.id))
        await world.clock.elapse(1)
        if is_owner_alive:
            await world.chat.checkpointer.checkpoint()
        await world.clock.elapse(LEASE_SECONDS + 6)
        await asyncio.wait([stopping])

    reply = await world.reply(turn)
    assert (reply.status, reply.content, reply.error) == (Status.STOPPED, text, ReplyError.STOPPED)
    assert len(other.observer.recovered_states) == (0 if is_owner_alive else 1)
    # A stopped reply is shown unless it has no text and there is an earlier reply.
    assert await world.path(conversation) == ["Hello", text or earlier or ""]


async def test_an_owner_that_returns_after_a_recovery_writes_nothing(world: World) -> None:
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


async def test_a_reply_that_its_owner_finishes_too_late_stays_as_recovered(world: World) -> None:
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


async def test_no_reply_is_recovered_right_after_an_outage(world: World) -> None:
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
    assert other.observer.recovered_states == []


async def test_an_outage_during_a_recovery_delays_it_by_seconds_only(world: World) -> None:
    turn = await world.send(await world.conversation())
    await world.inference.call()
    other = world.replica()
    async with other.chat:
        await world.clock.elapse(LEASE_SECONDS - 1)
        # Longer than the longest pause between two sweeps, so that a sweep fails.
        world.storage.outage = True
        await world.clock.elapse(SWEEP_SECONDS * 1.2)
        world.storage.outage = False
        await world.clock.elapse(RENEWAL_SECONDS * 1.2 + 1.5)

    assert (await world.reply(turn)).status is Status.FAILED


async def test_a_sweep_recovers_more_replies_than_one_claim_returns(world: World) -> None:
    turns = [await world.send(await world.chat.conversations.create(_user(n))) for n in range(230)]
    other = world.replica()
    world.clock.advance(LEASE_SECONDS + 1)

    assert await other.chat.pending_work.sweep()

    assert len(other.observer.recovered_states) == len(turns)


async def test_a_reply_that_cannot_be_finished_is_left_to_recovery(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()

    async def finish(lease: Lease, final_state: FinalState) -> bool:  # noqa: ARG001 - the names are the port's
        raise RuntimeError("a bug")

    world.storage.finish = finish  # type: ignore[method-assign]  # a storage with a bug
    call.close()
    await world.clock.elapse(10)
    await until(lambda: has_ended(turn))

    assert turn.generation is not None
    assert turn.generation.transcript.end == RECONNECT
    assert [what for what, _ in world.observer.failures] == ["finishing a reply"] * FINISH_TRIES_ON_BUGS
    assert world.observer.final_states == [None]


def _user(number: int) -> User:
    return User(id=f"user-{number}")


async def test_an_orphan_that_cannot_be_finished_does_not_hold_up_others(world: World) -> None:
    turns = [await world.send(await world.conversation()) for _ in range(5)]
    other = world.replica()
    real = world.storage.recover

    async def recover(
        lease: Lease, decide: Callable[[OrphanedReply], FinalState | Resumption], *, history_limit: int = 1
    ) -> FinalState | ResumedReply | None:
        if lease.message_id == turns[0].reply.id:
            raise StorageUnavailableError
        return await real(lease, decide, history_limit=history_limit)

    world.storage.recover = recover  # type: ignore[method-assign]  # a storage in which one row is locked
    world.clock.advance(LEASE_SECONDS + 1)
    went_well = await other.chat.pending_work.sweep()

    assert not went_well
    assert [(await world.reply(turn)).status for turn in turns] == [Status.STREAMING] + [Status.FAILED] * 4


async def test_a_process_that_starts_after_an_outage_lets_owners_renew_first(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    world.storage.outage = True
    world.clock.advance(2 * LEASE_SECONDS)
    world.storage.outage = False
    async with world.replica().chat as newcomer:
        await world.clock.elapse(1)
        await world.chat.checkpointer.checkpoint()
        call.say("alive")
        call.close()
        await until(lambda: has_ended(turn))
        await world.clock.elapse(10)
        assert newcomer.runner.running == ()

    assert (await world.reply(turn)).content == "alive"
