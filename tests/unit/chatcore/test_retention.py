"""Tests that conversations nobody has touched for long are deleted, in batches, while the service runs."""

from datetime import timedelta

import pytest
from tests.unit.conftest import ADA, BOB, World
from tests.unit.inference_by_hand import InferenceByHand

from chatcore import Chat, User
from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.message import ConversationId
from chatcore.pending_work import SWEEP_SECONDS
from chatcore.retention import WALK_SECONDS, Retention

_DAYS = timedelta(days=30)


def retention_of(world: World) -> Retention:
    return Retention(_DAYS, deletions=world.storage, clock=world.clock, observer=world.observer)


async def ids_of(world: World, user: User = ADA) -> set[ConversationId]:
    return {each.id for each in (await world.chat.conversations.list(user)).conversations}


async def test_only_what_was_untouched_for_the_whole_time_is_deleted(world: World) -> None:
    old, pinned, running = [await world.conversation() for _ in range(3)]
    await world.chat.conversations.update(ADA, pinned.id, ConversationChanges(is_pinned=True))
    await world.send(running)
    of_another = await world.conversation(BOB)
    world.clock.advance(_DAYS.total_seconds())
    await retention_of(world).walk_on()
    assert old.id in await ids_of(world)

    world.clock.advance(1)
    young = await world.conversation()
    await retention_of(world).walk_on()

    assert await ids_of(world) == {pinned.id, running.id, young.id}
    assert of_another.id not in await ids_of(world, BOB)


async def test_a_walk_goes_page_by_page_and_two_processes_may_walk_at_once(world: World) -> None:
    users = [User(id=f"user-{number}") for number in range(7)]
    for number in range(450):
        await world.conversation(users[number % 7])
    world.clock.advance(_DAYS.total_seconds() + 1)
    first, second = retention_of(world), retention_of(world)

    await first.walk_on()
    await second.walk_on()
    assert sum([len(await ids_of(world, user)) for user in users]) == 50
    await first.walk_on()

    assert [await ids_of(world, user) for user in users] == [set()] * 7
    assert world.observer.failures == []


async def test_after_a_walk_the_next_one_waits_for_an_hour(world: World) -> None:
    retention = retention_of(world)
    await retention.walk_on()
    await world.conversation()
    world.clock.advance(WALK_SECONDS - 1)
    world.storage.outage = True  # A page would fail.

    await retention.walk_on()
    assert world.observer.failures == []
    world.clock.advance(1)
    await retention.walk_on()
    assert len(world.observer.failures) == 1


async def test_a_page_that_fails_is_tried_again(world: World) -> None:
    await world.conversation()
    world.clock.advance(_DAYS.total_seconds() + 1)
    retention = retention_of(world)

    world.storage.outage = True
    for _ in range(10):
        await retention.walk_on()
    world.storage.outage = False
    await retention.walk_on()

    assert await ids_of(world) == set()
    assert [what for what, _ in world.observer.failures] == ["retention"] * 10


@pytest.mark.parametrize(("age", "is_kept"), [(None, True), (_DAYS, False)])
async def test_a_chat_deletes_old_conversations_if_it_is_told_to(
    world: World,
    age: timedelta | None,
    is_kept: bool,  # noqa: FBT001 - a column of the table
) -> None:
    conversation = await world.conversation()
    world.clock.advance(_DAYS.total_seconds() + 1)
    chat = Chat(storage=world.storage, inference=InferenceByHand(), clock=world.clock, retention=age)

    async with chat:
        await world.clock.elapse(2 * SWEEP_SECONDS)
        assert (conversation.id in await ids_of(world)) is is_kept
        later = await world.conversation()
        world.clock.advance(_DAYS.total_seconds() + WALK_SECONDS)
        await world.clock.elapse(2 * SWEEP_SECONDS)
        assert (later.id in await ids_of(world)) is is_kept
