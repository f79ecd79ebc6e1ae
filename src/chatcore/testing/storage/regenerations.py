"""Tests regenerations of a reply, as a part of the storage contract."""

import asyncio

import pytest
from attrs import evolve

from chatcore.conversations.conversation import Conversation, active_path
from chatcore.conversations.message import Message, Role, Status
from chatcore.errors import GenerationInProgressError, NothingToRegenerateError, TooManyGenerationsError
from chatcore.ports import AcceptedTurn, Storage
from chatcore.replies.lease import Lease
from chatcore.testing.samples import ALICE, a_failure, a_final_state, a_regeneration, a_turn, an_interruption, later
from chatcore.testing.storage.steps import (
    StorageHooks,
    begin,
    converse,
    create,
    end,
    lease_of,
    messages_of,
    reopen,
    stored,
)


class RegenerationsContract(StorageHooks):
    """Tests that a regeneration stands beside the old reply."""

    async def test_the_new_reply_stands_beside_the_old_one(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "Hello", "Hi")
        old = await messages_of(storage, conversation)
        regeneration = a_regeneration(conversation, now=later(1))

        accepted = await storage.begin_regeneration(regeneration)

        assert accepted.user_message == turn.user_message
        assert accepted.reply == Message(
            id=regeneration.reply_id,
            conversation_id=conversation.id,
            user_id=ALICE,
            parent_id=turn.user_message.id,
            position=3,
            role=Role.ASSISTANT,
            content="",
            status=Status.STREAMING,
            token_count=None,
            model_tag=conversation.model_tag,
            inference_time_ms=None,
            created_at=later(1),
        )
        assert accepted.lease == Lease(
            user_id=ALICE,
            conversation_id=conversation.id,
            message_id=regeneration.reply_id,
            owner_id=regeneration.owner_id,
            epoch=1,
        )
        assert await messages_of(storage, conversation) == (*old, accepted.reply)

    async def test_the_new_reply_becomes_the_head(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        before = await stored(storage, conversation)

        accepted = await storage.begin_regeneration(a_regeneration(conversation, now=later(1)))

        assert await stored(storage, conversation) == evolve(
            before, head_id=accepted.reply.id, updated_at=later(1), active_reply_id=accepted.reply.id
        )

    async def test_the_conversation_goes_on_from_the_new_reply(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")
        regenerated = await storage.begin_regeneration(a_regeneration(conversation))
        await end(storage, lease_of(regenerated), a_final_state("zwei"))

        second = await storage.begin_turn(a_turn(conversation, "three"))

        assert second.user_message.parent_id == regenerated.reply.id
        assert [m.content for m in await _path(storage, conversation)] == ["one", "zwei", "three", ""]
        assert first.reply.id in {m.id for m in await messages_of(storage, conversation)}

    async def test_regenerating_again_and_again_adds_siblings(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "Hello", "Hi 0")
        for number in (1, 2, 3):
            accepted = await storage.begin_regeneration(a_regeneration(conversation))
            await end(storage, lease_of(accepted), a_final_state(f"Hi {number}"))

        _, *replies = await messages_of(storage, conversation)

        assert [reply.content for reply in replies] == ["Hi 0", "Hi 1", "Hi 2", "Hi 3"]
        assert {reply.parent_id for reply in replies} == {turn.user_message.id}
        assert [m.content for m in await _path(storage, conversation)] == ["Hello", "Hi 3"]

    async def test_only_the_last_reply_of_the_path_is_regenerated(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        last = await converse(storage, conversation, "three", "four")

        accepted = await storage.begin_regeneration(a_regeneration(conversation))

        assert accepted.user_message == last.user_message
        assert accepted.reply.parent_id == last.user_message.id

    async def test_when_it_fails_the_head_returns_to_the_old_reply(self, storage: Storage) -> None:
        conversation = await create(storage)
        old = await converse(storage, conversation, "Hello", "Hi")
        accepted = await storage.begin_regeneration(a_regeneration(conversation))

        await end(storage, lease_of(accepted), a_failure())

        assert (await stored(storage, conversation)).head_id == old.reply.id
        assert [m.status for m in await messages_of(storage, conversation)][1:] == [Status.COMPLETE, Status.FAILED]

    async def test_a_regeneration_stays_the_head_unless_its_final_state_says_otherwise(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        accepted = await storage.begin_regeneration(a_regeneration(conversation))

        await end(storage, lease_of(accepted), an_interruption())

        assert (await stored(storage, conversation)).head_id == accepted.reply.id

    async def test_each_of_several_failed_regenerations_returns_to_the_same_reply(self, storage: Storage) -> None:
        conversation = await create(storage)
        old = await converse(storage, conversation, "Hello", "Hi")

        for _ in range(3):
            accepted = await storage.begin_regeneration(a_regeneration(conversation))
            await end(storage, lease_of(accepted), a_failure())

            assert (await stored(storage, conversation)).head_id == old.reply.id

    async def test_a_message_whose_reply_failed_is_answered(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await storage.begin_turn(a_turn(conversation))
        await end(storage, lease_of(turn), a_failure())

        accepted = await storage.begin_regeneration(a_regeneration(conversation))

        assert accepted.user_message == turn.user_message
        assert accepted.history == (turn.user_message,)
        assert accepted.reply.parent_id == turn.user_message.id
        assert (await stored(storage, conversation)).head_id == accepted.reply.id

    async def test_there_is_no_returning_to_a_reply_without_text(self, storage: Storage) -> None:
        for first in (a_failure(), evolve(an_interruption(""), status=Status.STOPPED), a_final_state("")):
            conversation = await create(storage)
            await end(storage, await begin(storage, conversation), first)
            accepted = await storage.begin_regeneration(a_regeneration(conversation))

            await end(storage, lease_of(accepted), a_failure())

            assert (await stored(storage, conversation)).head_id == accepted.reply.id

    async def test_an_interrupted_reply_is_regenerated_like_any_other(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await storage.begin_turn(a_turn(conversation))
        await end(storage, lease_of(turn), an_interruption())

        accepted = await storage.begin_regeneration(a_regeneration(conversation))

        assert accepted.reply.parent_id == turn.user_message.id

    async def test_an_empty_conversation_has_nothing_to_regenerate(self, storage: Storage) -> None:
        conversation = await create(storage)

        with pytest.raises(NothingToRegenerateError):
            await storage.begin_regeneration(a_regeneration(conversation, now=later(1)))

        assert await stored(storage, conversation) == conversation

    async def test_a_busy_conversation_is_not_regenerated(self, storage: Storage) -> None:
        conversation = await create(storage)
        running = await begin(storage, conversation)
        before = await reopen(storage, conversation)

        with pytest.raises(GenerationInProgressError) as refusal:
            await storage.begin_regeneration(evolve(a_regeneration(conversation), max_generations=1))

        assert refusal.value.message_id == running.message_id
        assert await reopen(storage, conversation) == before

    async def test_regenerations_count_like_turns(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        await begin(storage)
        before = await reopen(storage, conversation)

        with pytest.raises(TooManyGenerationsError):
            await storage.begin_regeneration(evolve(a_regeneration(conversation), max_generations=1))

        assert await reopen(storage, conversation) == before
        await storage.begin_regeneration(evolve(a_regeneration(conversation), max_generations=2))

    async def test_of_many_at_once_one_wins(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        regenerations = [a_regeneration(conversation) for _ in range(20)]

        outcomes = await asyncio.gather(*map(storage.begin_regeneration, regenerations), return_exceptions=True)

        (winner,) = [outcome for outcome in outcomes if isinstance(outcome, AcceptedTurn)]
        losers = [outcome for outcome in outcomes if isinstance(outcome, GenerationInProgressError)]
        assert {loser.message_id for loser in losers} == {winner.reply.id}
        assert len(losers) == 19, outcomes
        assert [m.position for m in await messages_of(storage, conversation)] == [1, 2, 3]


class RegenerationRepeatsContract(StorageHooks):
    """Tests a regeneration that is sent again by the process that began it."""

    async def test_a_regeneration_repeated_returns_the_same_and_stores_nothing(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        regeneration = evolve(a_regeneration(conversation), max_generations=1)
        first = await storage.begin_regeneration(regeneration)
        before = await reopen(storage, conversation)

        assert await storage.begin_regeneration(regeneration) == first
        assert await reopen(storage, conversation) == before

    async def test_repeats_at_once_are_one_regeneration(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        regeneration = a_regeneration(conversation)

        first, *others = await asyncio.gather(*(storage.begin_regeneration(regeneration) for _ in range(10)))

        assert others == [first] * 9
        assert len(await messages_of(storage, conversation)) == 3

    async def test_a_regeneration_repeated_after_the_end_grants_nothing(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        regeneration = a_regeneration(conversation)
        await end(storage, lease_of(await storage.begin_regeneration(regeneration)), a_final_state("Hallo"))
        before = await reopen(storage, conversation)

        again = await storage.begin_regeneration(regeneration)

        assert again.lease is None
        assert (again.user_message, again.reply) == (before.messages[0], before.messages[2])
        assert await reopen(storage, conversation) == before

    async def test_a_regeneration_repeated_after_a_failure_grants_nothing(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        regeneration = a_regeneration(conversation)
        await end(storage, lease_of(await storage.begin_regeneration(regeneration)), a_failure())
        before = await reopen(storage, conversation)

        assert (await storage.begin_regeneration(regeneration)).lease is None
        assert await reopen(storage, conversation) == before


async def _path(storage: Storage, conversation: Conversation) -> tuple[Message, ...]:
    opened = await reopen(storage, conversation)
    return active_path(opened.messages, opened.conversation.head_id)
