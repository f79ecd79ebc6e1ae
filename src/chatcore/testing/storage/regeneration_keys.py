"""Tests the idempotency keys of regenerations, as a part of the storage contract."""

import asyncio

import pytest
from attrs import evolve

from chatcore.conversations.conversation import Conversation
from chatcore.errors import GenerationInProgressError, IdempotencyKeyReusedError, NothingToRegenerateError
from chatcore.ports import NewRegeneration, Storage
from chatcore.replies.idempotency import IdempotencyKey
from chatcore.testing.samples import a_failure, a_final_state, a_key, a_regeneration, a_turn
from chatcore.testing.storage.steps import StorageHooks, begin, converse, create, end, lease_of, messages_of, reopen


class RegenerationKeysContract(StorageHooks):
    """Tests that regenerations with the same key count as one."""

    async def test_the_same_key_begins_one_regeneration(self, storage: Storage) -> None:
        conversation = await self._answered(storage)
        first = await storage.begin_regeneration(_keyed(conversation))
        before = await reopen(storage, conversation)

        again = await storage.begin_regeneration(_keyed(conversation))

        assert first.lease is not None
        assert again == evolve(first, lease=None, history=())
        assert await reopen(storage, conversation) == before

    async def test_the_process_that_began_the_regeneration_gets_its_lease_again(self, storage: Storage) -> None:
        regeneration = _keyed(await self._answered(storage))
        first = await storage.begin_regeneration(regeneration)

        assert await storage.begin_regeneration(regeneration) == first

    async def test_after_the_end_the_regeneration_is_returned_as_it_is_now(self, storage: Storage) -> None:
        for final_state in (a_final_state("Good day"), a_failure()):
            conversation = await self._answered(storage)
            key = a_key(str(conversation.id))
            first = await storage.begin_regeneration(_keyed(conversation, key))
            await end(storage, lease_of(first), final_state)
            await converse(storage, conversation, "three", "four")
            await begin(storage, conversation)  # The conversation is busy now.

            again = await storage.begin_regeneration(evolve(_keyed(conversation, key), max_generations=1))

            assert again.lease is None
            assert again.user_message == first.user_message
            assert (again.reply.id, again.reply.status) == (first.reply.id, final_state.status)
            assert again.reply.content == final_state.content

    async def test_a_key_of_another_request_is_refused(self, storage: Storage) -> None:
        conversation = await self._answered(storage)
        await end(storage, lease_of(await storage.begin_regeneration(_keyed(conversation))), a_final_state())
        turn = evolve(a_turn(conversation), idempotency_key=a_key("turn", "turn"))
        await end(storage, lease_of(await storage.begin_turn(turn)), a_final_state())
        before = await reopen(storage, conversation)

        with pytest.raises(IdempotencyKeyReusedError):
            await storage.begin_regeneration(_keyed(conversation, a_key(request="another")))
        with pytest.raises(IdempotencyKeyReusedError):
            await storage.begin_regeneration(_keyed(conversation, a_key("turn")))
        with pytest.raises(IdempotencyKeyReusedError):
            await storage.begin_turn(evolve(a_turn(conversation), idempotency_key=a_key(request="turn")))

        assert await reopen(storage, conversation) == before

    async def test_the_same_key_many_times_at_once_is_one_regeneration(self, storage: Storage) -> None:
        conversation = await self._answered(storage)

        accepted = await asyncio.gather(*(storage.begin_regeneration(_keyed(conversation)) for _ in range(10)))

        assert len([turn for turn in accepted if turn.lease is not None]) == 1
        assert len({turn.reply.id for turn in accepted}) == 1
        assert len(await messages_of(storage, conversation)) == 3

    async def test_a_regeneration_that_was_refused_leaves_its_key_free(self, storage: Storage) -> None:
        empty, busy = await create(storage), await create(storage)
        await begin(storage, busy)
        with pytest.raises(NothingToRegenerateError):
            await storage.begin_regeneration(_keyed(empty))
        with pytest.raises(GenerationInProgressError):
            await storage.begin_regeneration(_keyed(busy))

        accepted = await storage.begin_regeneration(_keyed(await self._answered(storage), a_key(request="another")))

        assert accepted.lease is not None

    async def _answered(self, storage: Storage) -> Conversation:
        """Stores a conversation with one complete turn."""
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        return conversation


def _keyed(conversation: Conversation, key: IdempotencyKey | None = None) -> NewRegeneration:
    return evolve(a_regeneration(conversation), idempotency_key=key or a_key())
