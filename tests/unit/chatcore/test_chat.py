"""Tests the background work of a chat."""

import asyncio
from collections.abc import Collection, Sequence

from tests.unit.conftest import ADA, World

from chatcore import Chat
from chatcore.conversations.conversation import TitleSource
from chatcore.conversations.message import MessageId
from chatcore.replies.lease import RENEWAL_SECONDS, Lease, OwnerId


async def test_a_drain_ends_although_background_work_swallows_its_cancellation(world: World) -> None:
    real = world.storage.claim_expired
    swallowed: list[str] = []

    async def claim_expired(
        owner_id: OwnerId, running: Collection[MessageId], limit: int, *, only_given_up: bool = False
    ) -> Sequence[Lease]:
        if not swallowed:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed.append("once")
        return await real(owner_id, running, limit, only_given_up=only_given_up)

    world.storage.claim_expired = claim_expired  # type: ignore[method-assign]  # about one in a hundred pools does so
    world.chat.start()
    await world.clock.sleepers(1)
    await world.clock.elapse(RENEWAL_SECONDS * 2)
    await world.drained()

    assert swallowed == ["once"]
    assert "recovery" not in {task.get_name() for task in asyncio.all_tasks()}


async def test_placeholder_titles_are_those_that_the_chat_is_built_with(world: World) -> None:
    chat = Chat(storage=world.storage, inference=world.inference, clock=world.clock, placeholder_titles=("Neuer Chat",))

    sources = [(await chat.conversations.create(ADA, title=title)).title_source for title in ("Neuer Chat", "New chat")]

    assert sources == [TitleSource.DEFAULT, TitleSource.USER]
