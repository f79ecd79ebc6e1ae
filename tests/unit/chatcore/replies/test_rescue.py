"""Replies whose process died and that another process finishes."""

import asyncio

import pytest
from attrs import evolve
from tests.unit.conftest import ADA, World, has_ended, until
from tests.unit.inference_by_hand import Call, InferenceByHand

from chatcore import ReplyError, Sampling, Status
from chatcore.pending_work import SWEEP_SECONDS
from chatcore.replies.generation_request import GenerationRequest
from chatcore.replies.lease import LEASE_SECONDS, FinalState
from chatcore.replies.orphans import OrphanedReply, PriorState, Resumption
from chatcore.replies.rescue import Rescue, RescuePolicy
from chatcore.replies.transcript import RECONNECT
from chatcore.testing.samples import NOON

_ORPHAN = OrphanedReply(
    text="Hello",
    stop_requested=False,
    replaces=False,
    token_count=2,
    new_token_count=2,
    expired_leases=1,
    request=GenerationRequest(sampling=Sampling(max_tokens=10)),
)
_PRIOR = PriorState(
    status=Status.INTERRUPTED, error=ReplyError.INFERENCE_INTERRUPTED, token_count=7, inference_time_ms=9
)
_CONTINUED = evolve(_ORPHAN, begins_at=3, new_token_count=1, prior=_PRIOR)


def rescuer(world: World, rescue: Rescue = Rescue.CONTINUE) -> World:
    """Another process, whose model can go on from its own text."""
    return world.replica(inference=InferenceByHand(can_continue=True), rescue=rescue)


async def abandon(world: World, *tokens: str, lost: str = " lost") -> Call:
    """Lets a process die in the middle of a reply, of which it has stored these tokens and not the last one."""
    call = await world.inference.call()
    call.say(*tokens)
    await world.chat.checkpointer.checkpoint()
    call.say(lost)
    return call


async def taken_over(world: World, other: World) -> Call:
    """Lets a lease expire and another process take the reply over; returns the call of its model."""
    world.clock.advance(LEASE_SECONDS + 1)
    await other.chat.pending_work.sweep()
    return await other.inference.call()


async def test_the_reply_of_a_dead_process_is_finished_by_another_one(world: World) -> None:
    turn = await world.send(await world.chat.conversations.create(ADA, model_tag="small"), trace_id="trace-1")
    await abandon(world, "Hel", "lo")
    other = rescuer(world)

    call = await taken_over(world, other)
    call.say(" again", "!")
    call.close()
    await until(lambda: not other.chat.runner.running)

    request = call.request
    assert (request.so_far, request.trace_id, request.sampling) == ("Hello", "trace-1", Sampling(max_tokens=1022))
    assert [message.content for message in request.messages] == ["Hello"]
    assert request.model_tag == "small"
    reply = await world.reply(turn)
    assert (reply.status, reply.content, reply.error) == (Status.COMPLETE, "Hello again!", None)
    assert (reply.token_count, reply.cuts) == (4, (5,))
    assert [lease.message_id for lease in other.observer.resumed_leases] == [reply.id]


async def test_a_reply_that_was_taken_over_is_stored_while_it_grows(world: World) -> None:
    turn = await world.send(await world.conversation())
    await abandon(world, "Hel")
    other = rescuer(world)
    call = await taken_over(world, other)

    call.say("lo")
    await other.chat.checkpointer.checkpoint()

    assert (await world.reply(turn)).content == "Hello"


async def test_two_takeovers_call_the_model_once_each_and_a_second_lost_process_ends_the_reply(world: World) -> None:
    turn = await world.send(await world.conversation())
    await abandon(world, "a")
    first = rescuer(world)
    call = await taken_over(world, first)
    call.say("b")
    await first.chat.checkpointer.checkpoint()
    second = rescuer(world)

    world.clock.advance(LEASE_SECONDS + 1)
    await second.chat.pending_work.sweep()

    reply = await world.reply(turn)
    assert (reply.status, reply.content, reply.token_count) == (Status.INTERRUPTED, "ab", 2)
    assert second.chat.runner.running == ()
    assert second.inference._calls.empty()


async def test_a_reply_begins_again_where_the_service_is_set_to_restart(world: World) -> None:
    turn = await world.send(await world.conversation())
    await abandon(world, "Hel")
    other = world.replica(rescue=Rescue.RESTART)

    call = await taken_over(world, other)
    call.say("Good", "bye")
    call.close()
    await until(lambda: not other.chat.runner.running)

    assert (call.request.so_far, call.request.sampling) == ("", Sampling())
    reply = await world.reply(turn)
    assert (reply.status, reply.content, reply.token_count, reply.cuts) == (Status.COMPLETE, "Goodbye", 2, (0,))


async def test_a_taken_over_reply_can_be_stopped_through_its_first_process(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    await abandon(world, "Hel")
    other = rescuer(world)
    call = await taken_over(world, other)
    call.say("p")
    await other.chat.turns.stop(ADA, conversation.id, turn.reply.id)

    reply = await world.reply(turn)
    assert (reply.status, reply.content, reply.token_count) == (Status.STOPPED, "Help", 2)


async def test_an_owner_that_has_its_own_reply_back_writes_it_once(world: World) -> None:
    mine = rescuer(world)
    turn = await mine.send(await mine.conversation())
    stale = await abandon(mine, "a", lost="x")
    other = rescuer(world)
    await taken_over(world, other)
    # The other process dies, and this one thaws: it sweeps before its stale generation has noticed anything.
    world.clock.advance(LEASE_SECONDS + 1)
    await mine.chat.pending_work.sweep()
    stale.say("y")
    await mine.chat.checkpointer.checkpoint()
    await until(lambda: has_ended(turn))

    assert (await world.reply(turn)).content == "a"
    assert mine.chat.runner.running == ()
    assert mine.observer.failures == []
    assert (mine.observer.handed_over_leases, mine.observer.final_states) == ([], [None])


async def test_a_reply_that_another_process_has_already_is_not_handed_over(world: World) -> None:
    mine, other = rescuer(world), rescuer(world)
    await mine.send(await mine.conversation())
    await abandon(mine, "stored")
    await taken_over(world, other)
    await mine.drained()

    assert (mine.observer.handed_over_leases, mine.observer.final_states) == ([], [None])


async def test_a_process_that_drains_takes_nothing_over(world: World) -> None:
    turn = await world.send(await world.conversation())
    await abandon(world, "a")
    other = rescuer(world)
    await other.drained()

    world.clock.advance(LEASE_SECONDS + 1)
    assert await other.chat.pending_work.sweep()

    assert (await world.reply(turn)).status is Status.STREAMING


_CONTINUE = RescuePolicy(rescue=Rescue.CONTINUE, can_continue=True)
_RESTART = RescuePolicy(rescue=Rescue.RESTART, can_continue=False)

_DECISIONS = {
    "it goes on": (_CONTINUE, _ORPHAN, Resumption(5, 5)),
    "it goes on without text": (_CONTINUE, evolve(_ORPHAN, text="", new_token_count=0), Resumption(0, 0)),
    "it begins again": (_RESTART, _ORPHAN, Resumption(0, 0)),
    "a continuation begins again after what it continues": (
        evolve(_RESTART, can_continue=True),
        _CONTINUED,
        Resumption(3, 3),
    ),
    "a continuation needs a model that can": (_RESTART, _CONTINUED, Status.INTERRUPTED),
    "the model cannot": (evolve(_CONTINUE, can_continue=False), _ORPHAN, Status.INTERRUPTED),
    "the service shall not": (evolve(_CONTINUE, rescue=Rescue.INTERRUPT), _ORPHAN, Status.INTERRUPTED),
    "a stop was requested": (_CONTINUE, evolve(_ORPHAN, stop_requested=True), Status.STOPPED),
    "two leases expired": (_CONTINUE, evolve(_ORPHAN, expired_leases=2), Status.INTERRUPTED),
    "an earlier version began it": (_CONTINUE, evolve(_ORPHAN, request=None), Status.INTERRUPTED),
    "an earlier version began it, without text": (_CONTINUE, evolve(_ORPHAN, text="", request=None), Status.FAILED),
    "all tokens are there": (_CONTINUE, evolve(_ORPHAN, new_token_count=10, token_count=10), Status.COMPLETE),
}


@pytest.mark.parametrize(("policy", "orphan", "expected"), _DECISIONS.values(), ids=_DECISIONS)
def test_the_policy_decides(policy: RescuePolicy, orphan: OrphanedReply, expected: Resumption | Status) -> None:
    decided = policy.decide(orphan, now=NOON)

    if isinstance(decided, Resumption):
        assert decided == expected
    else:
        assert (decided.status, decided.content, decided.token_count) == (expected, orphan.text, orphan.token_count)


@pytest.mark.parametrize("stop_requested", [True, False])
def test_a_continuation_without_new_text_leaves_the_reply_as_it_was(*, stop_requested: bool) -> None:
    orphan = evolve(_CONTINUED, text="Hel", expired_leases=2, new_token_count=0, stop_requested=stop_requested)

    assert _CONTINUE.decide(orphan, now=NOON) == FinalState(
        status=_PRIOR.status,
        content="Hel",
        error=_PRIOR.error,
        token_count=7,
        inference_time_ms=9,
        returns_head=True,
        ended_at=NOON,
    )


async def test_a_drain_hands_the_reply_over_with_all_of_its_text(world: World) -> None:
    mine, other = rescuer(world), rescuer(world)
    turn = await mine.send(await mine.conversation())
    call = await mine.inference.call()
    call.say("stored")
    await mine.chat.checkpointer.checkpoint()
    call.say(" and shown")
    await mine.drained()

    assert turn.generation is not None
    assert turn.generation.transcript.end == RECONNECT
    assert (mine.observer.handed_over_leases, mine.observer.final_states) == ([turn.generation.lease], [])
    await other.chat.pending_work.sweep()
    new_call = await other.inference.call()
    new_call.say(", and finished")
    new_call.close()
    await until(lambda: not other.chat.runner.running)

    assert new_call.request.so_far == "stored and shown"
    reply = await world.reply(turn)
    assert (reply.status, reply.content, reply.token_count) == (Status.COMPLETE, "stored and shown, and finished", 3)


async def test_a_process_that_has_just_started_goes_on_with_what_is_handed_over(world: World) -> None:
    mine = rescuer(world)
    await mine.send(await mine.conversation())
    (await mine.inference.call()).say("stored")
    newcomer = rescuer(world)
    async with newcomer.chat:
        await mine.drained()
        await world.clock.elapse(SWEEP_SECONDS * 1.2)

        call = await newcomer.inference.call()
        assert call.request.so_far == "stored"
        call.close()
        await until(lambda: not newcomer.chat.runner.running)


async def test_a_reply_is_handed_over_right_after_an_outage(world: World) -> None:
    mine, other = rescuer(world), rescuer(world)
    await mine.send(await mine.conversation())
    (await mine.inference.call()).say("stored")
    async with other.chat:
        world.storage.outage = True
        await world.clock.elapse(LEASE_SECONDS)
        world.storage.outage = False
        await mine.drained()
        # The storage is probed every second, and sweeps come every second.
        await world.clock.elapse(1 + SWEEP_SECONDS * 1.2)

        call = await other.inference.call()
        assert call.request.so_far == "stored"
        call.close()
        await until(lambda: not other.chat.runner.running)


async def test_hand_overs_do_not_count_as_lost_processes(world: World) -> None:
    owner = rescuer(world)
    turn = await owner.send(await owner.conversation())
    for number in range(4):
        (await owner.inference.call()).say(f"{number}")
        await owner.drained()
        owner = rescuer(world)
        await owner.chat.pending_work.sweep()
    call = await owner.inference.call()
    call.close()
    await until(lambda: not owner.chat.runner.running)

    reply = await world.reply(turn)
    assert (reply.status, reply.content, reply.cuts) == (Status.COMPLETE, "0123", (1, 2, 3, 4))


async def test_a_drain_after_a_failed_checkpoint_hands_all_text_over(world: World) -> None:
    mine = rescuer(world)
    turn = await mine.send(await mine.conversation())
    call = await mine.inference.call()
    call.say("in flight")
    world.storage.outage = True
    await mine.chat.checkpointer.checkpoint()
    world.storage.outage = False
    call.say(" and later")
    await mine.drained()

    assert (await world.reply(turn)).content == "in flight and later"
    assert (await world.reply(turn)).status is Status.STREAMING


async def test_a_drain_that_cannot_hand_over_leaves_the_reply_to_recovery(world: World) -> None:
    mine, other = rescuer(world), rescuer(world)
    turn = await mine.send(await mine.conversation())
    call = await mine.inference.call()
    call.say("stored")
    await mine.chat.checkpointer.checkpoint()
    world.storage.outage = True
    await mine.drained()
    world.storage.outage = False

    await taken_over(world, other)

    assert (await world.reply(turn)).content == "stored"
    assert {what for what, _ in mine.observer.failures} == {"handing a reply over"}


async def test_a_reply_that_ends_while_it_drains_is_finished(world: World) -> None:
    mine = rescuer(world)
    turn = await mine.send(await mine.conversation())
    call = await mine.inference.call()
    call.say("all")
    draining = asyncio.ensure_future(mine.chat.drain(20))
    await mine.clock.elapse(1)
    call.close()
    await draining

    reply = await world.reply(turn)
    assert (reply.status, reply.content) == (Status.COMPLETE, "all")


@pytest.mark.parametrize("rescue", [Rescue.CONTINUE, Rescue.INTERRUPT])
async def test_a_drain_interrupts_a_reply_that_nobody_could_finish(world: World, rescue: Rescue) -> None:
    mine = world.replica(inference=InferenceByHand(can_continue=rescue is Rescue.INTERRUPT), rescue=rescue)
    turn = await mine.send(await mine.conversation())
    (await mine.inference.call()).say("stored")
    await mine.drained()

    assert (await world.reply(turn)).status is Status.INTERRUPTED


async def test_a_deleted_reply_is_not_handed_over(world: World) -> None:
    mine = rescuer(world)
    conversation = await mine.conversation()
    await mine.send(conversation)
    await mine.inference.call()
    await mine.chat.conversations.delete(ADA, conversation.id)
    await mine.drained()

    assert mine.chat.runner.running == ()
    assert mine.observer.failures == []
