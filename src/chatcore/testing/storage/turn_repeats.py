"""Tests turns that are sent again, as a part of the storage contract."""

import asyncio

from attrs import evolve

from chatcore.ports import Storage
from chatcore.replies.lease import LeaseStatus
from chatcore.testing.samples import a_conversation, a_final_state, a_turn, progress
from chatcore.testing.storage.steps import (
    StorageHooks,
    begin,
    checkpoint,
    converse,
    create,
    end,
    messages_of,
    reopen,
)


class TurnRepeatsContract(StorageHooks):
    """Tests a turn that is sent again by the process that began it, as after a lost answer to COMMIT."""

    async def test_a_repeat_returns_the_same_turn_and_stores_nothing(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        turn = evolve(a_turn(conversation, "three"), max_generations=1, history_limit=2)
        first = await storage.begin_turn(turn)
        before = await reopen(storage, conversation)

        again = await storage.begin_turn(turn)

        assert again == first
        assert await reopen(storage, conversation) == before

    async def test_repeats_at_once_are_one_turn(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = evolve(a_turn(conversation), max_generations=1)

        first, *others = await asyncio.gather(*(storage.begin_turn(turn) for _ in range(10)))

        assert others == [first] * 9
        assert first.lease is not None
        assert await messages_of(storage, conversation) == (first.user_message, first.reply)

    async def test_a_repeat_does_not_undo_what_came_since(self, storage: Storage) -> None:
        turn = a_turn(await create(storage))
        lease = await begin(storage, turn=turn)
        await checkpoint(storage, progress(lease, "text"))

        await storage.begin_turn(turn)

        assert await checkpoint(storage, progress(lease, "", start_offset=4)) is LeaseStatus.HELD
        assert await storage.recover(lease, lambda orphan: a_final_state(orphan.text)) == a_final_state("text")

    async def test_a_repeat_after_the_end_grants_nothing(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = a_turn(conversation)
        await end(storage, await begin(storage, turn=turn), a_final_state("Hi"))
        before = await reopen(storage, conversation)

        again = await storage.begin_turn(turn)

        assert again.lease is None
        assert (again.user_message, again.reply) == before.messages
        assert await reopen(storage, conversation) == before

    async def test_a_repeat_after_a_takeover_does_not_give_the_reply_back(self, storage: Storage) -> None:
        turn = a_turn(await create(storage))
        await begin(storage, turn=turn)
        await self.expire_leases(storage)
        (taken,) = await storage.claim_expired(a_turn(a_conversation()).owner_id, (), 10)

        again = await storage.begin_turn(turn)

        assert again.lease is None
        assert await checkpoint(storage, progress(taken, "")) is LeaseStatus.HELD
