"""Tests the limit of a user's running replies, as a part of the storage contract."""

import asyncio

import pytest
from attrs import evolve

from chatcore.errors import GenerationInProgressError, TooManyGenerationsError
from chatcore.ports import AcceptedTurn, Storage
from chatcore.replies.lease import Lease
from chatcore.testing.samples import ALICE, BOB, a_final_state, a_turn
from chatcore.testing.storage.steps import StorageHooks, begin, create, end, lease_of, messages_of, reopen


class RunningLimitContract(StorageHooks):
    """Tests that a user has at most the permitted number of running replies, and may have all of them."""

    async def test_a_user_has_at_most_the_limit_of_running_replies(self, storage: Storage) -> None:
        await begin(storage)
        await begin(storage)
        conversation = await create(storage)
        before = await reopen(storage, conversation)

        with pytest.raises(TooManyGenerationsError) as refusal:
            await storage.begin_turn(evolve(a_turn(conversation), max_generations=2))

        assert refusal.value.limit == 2
        assert await reopen(storage, conversation) == before
        await storage.begin_turn(evolve(a_turn(conversation), max_generations=3))

    async def test_the_limit_is_never_exceeded_whatever_races(self, storage: Storage) -> None:
        conversations = [await create(storage) for _ in range(12)]
        turns = [evolve(a_turn(conversation), max_generations=3) for conversation in conversations]

        outcomes = await asyncio.gather(*map(storage.begin_turn, turns), return_exceptions=True)

        refused = [outcome for outcome in outcomes if isinstance(outcome, TooManyGenerationsError)]
        assert len(refused) == 9, outcomes
        assert sorted([len(await messages_of(storage, c)) for c in conversations]) == [0] * 9 + [2] * 3

    async def test_ended_deleted_and_foreign_replies_do_not_count(self, storage: Storage) -> None:
        await end(storage, await begin(storage), a_final_state())
        deleted = await begin(storage)
        await storage.delete_conversation(ALICE, deleted.conversation_id)
        await begin(storage, await create(storage, BOB))

        accepted = await storage.begin_turn(evolve(a_turn(await create(storage)), max_generations=1))

        assert accepted.lease is not None

    async def test_a_busy_conversation_is_named_before_the_limit_is(self, storage: Storage) -> None:
        conversation = await create(storage)
        await begin(storage, conversation)

        with pytest.raises(GenerationInProgressError):
            await storage.begin_turn(evolve(a_turn(conversation), max_generations=1))

    async def test_a_lowered_limit_holds_whatever_races(self, storage: Storage) -> None:
        running = [await begin(storage) for _ in range(9)]
        for accepted in running[:7]:
            await end(storage, accepted, a_final_state())
        conversations = [await create(storage) for _ in range(8)]
        turns = [evolve(a_turn(conversation), max_generations=4) for conversation in conversations]

        outcomes = await asyncio.gather(*map(storage.begin_turn, turns), return_exceptions=True)

        accepted_turns = [outcome for outcome in outcomes if isinstance(outcome, AcceptedTurn)]
        assert len(accepted_turns) == 2, outcomes
        assert all(isinstance(outcome, (AcceptedTurn, TooManyGenerationsError)) for outcome in outcomes), outcomes

    async def test_all_permitted_replies_run_and_room_that_is_freed_is_used_again(self, storage: Storage) -> None:
        running = [await _begin_of_twenty(storage) for _ in range(20)]

        for ended in (running[0], running[11], running[19]):
            with pytest.raises(TooManyGenerationsError):
                await _begin_of_twenty(storage)
            await end(storage, ended, a_final_state())
            await _begin_of_twenty(storage)


async def _begin_of_twenty(storage: Storage) -> Lease:
    """Begins a turn in a new conversation of a user who may have 20 running replies."""
    return lease_of(await storage.begin_turn(evolve(a_turn(await create(storage)), max_generations=20)))
