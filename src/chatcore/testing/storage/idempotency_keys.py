"""Tests idempotency keys, as a part of the storage contract."""

import asyncio

import pytest
from attrs import evolve

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import Status
from chatcore.errors import (
    ConversationNotFoundError,
    GenerationInProgressError,
    IdempotencyKeyReusedError,
    TooManyGenerationsError,
)
from chatcore.ports import NewTurn, Storage
from chatcore.replies.idempotency import IdempotencyKey
from chatcore.testing.samples import ALICE, BOB, a_failure, a_final_state, a_key, a_turn, later, progress
from chatcore.testing.storage.steps import (
    StorageHooks,
    begin,
    checkpoint,
    converse,
    create,
    end,
    lease_of,
    messages_of,
    reopen,
)

_HOUR_SECONDS = 3600
_DAY_MINUTES = 24 * 60


class KeysContract(StorageHooks):
    """Tests that sends with the same key count as one send."""

    async def test_a_replayed_turn_shows_the_text_that_is_stored_so_far(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = _keyed(conversation)
        lease = lease_of(await storage.begin_turn(turn))
        for number, text in enumerate(("Hel", "lo ")):
            await checkpoint(storage, progress(lease, text, start_offset=3 * number))

        replayed = await storage.begin_turn(_keyed(conversation))

        assert replayed.lease is None
        assert replayed.reply == await storage.get_message(ALICE, conversation.id, lease.message_id)
        assert (replayed.reply.status, replayed.reply.content) == (Status.STREAMING, "Hello ")

    async def test_the_same_key_again_returns_the_turn_and_stores_nothing(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await storage.begin_turn(_keyed(conversation))
        before = await reopen(storage, conversation)

        again = await storage.begin_turn(_keyed(conversation))

        assert first.lease is not None
        assert again == evolve(first, lease=None, history=())
        assert await reopen(storage, conversation) == before

    async def test_the_process_that_began_the_turn_gets_its_lease_again(self, storage: Storage) -> None:
        turn = _keyed(await create(storage))
        first = await storage.begin_turn(turn)

        assert await storage.begin_turn(turn) == first

    async def test_the_same_key_after_the_end_returns_the_turn_as_it_is_now(self, storage: Storage) -> None:
        conversation = await create(storage)
        await end(storage, lease_of(await storage.begin_turn(_keyed(conversation))), a_final_state("Hi"))
        await converse(storage, conversation, "three", "four")

        again = await storage.begin_turn(_keyed(conversation))

        assert again.lease is None
        assert (again.user_message, again.reply) == (await messages_of(storage, conversation))[:2]
        assert again.reply.content == "Hi"

    async def test_the_same_key_after_a_failure_returns_the_failed_reply(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await storage.begin_turn(_keyed(conversation))
        await end(storage, lease_of(first), a_failure())

        again = await storage.begin_turn(_keyed(conversation))

        assert again.lease is None
        assert again.reply.id == first.reply.id
        assert again.reply.status == a_failure().status

    async def test_a_known_key_comes_before_the_refusals(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await storage.begin_turn(_keyed(conversation))
        await end(storage, lease_of(first), a_final_state())
        await begin(storage, conversation)  # The conversation is busy now, and the user has reached a limit of one.

        again = await storage.begin_turn(evolve(_keyed(conversation), max_generations=1))

        assert again.reply.id == first.reply.id

    async def test_a_key_with_another_fingerprint_is_refused(self, storage: Storage) -> None:
        conversation, other = await create(storage), await create(storage)
        await end(storage, lease_of(await storage.begin_turn(_keyed(conversation))), a_final_state())
        before = await reopen(storage, conversation)

        for reuse in (_keyed(conversation, a_key(request="another")), _keyed(other, a_key(request="elsewhere"))):
            with pytest.raises(IdempotencyKeyReusedError):
                await storage.begin_turn(reuse)

        assert await reopen(storage, conversation) == before
        assert await messages_of(storage, other) == ()

    async def test_a_reused_key_is_named_before_a_busy_conversation_is(self, storage: Storage) -> None:
        conversation = await create(storage)
        await storage.begin_turn(_keyed(conversation))

        with pytest.raises(IdempotencyKeyReusedError):
            await storage.begin_turn(_keyed(conversation, a_key(request="another")))

    async def test_keys_are_told_apart_exactly(self, storage: Storage) -> None:
        conversation = await create(storage)
        keys = ["key", "KEY", "key%", "k_y", "'", '"', "\\", "~" * 255, "~" * 254]

        for key in keys:
            await end(storage, lease_of(await storage.begin_turn(_keyed(conversation, a_key(key)))), a_final_state())

        assert len(await messages_of(storage, conversation)) == 2 * len(keys)

    async def test_each_user_has_their_own_keys(self, storage: Storage) -> None:
        await storage.begin_turn(_keyed(await create(storage)))

        bobs = await storage.begin_turn(_keyed(await create(storage, BOB), a_key(request="another")))

        assert bobs.lease is not None

    async def test_the_same_key_many_times_at_once_is_one_turn(self, storage: Storage) -> None:
        conversation = await create(storage)

        accepted = await asyncio.gather(*(storage.begin_turn(_keyed(conversation)) for _ in range(20)))

        assert len([turn for turn in accepted if turn.lease is not None]) == 1
        assert len({(turn.user_message.id, turn.reply.id) for turn in accepted}) == 1
        assert await messages_of(storage, conversation) == (accepted[0].user_message, accepted[0].reply)

    async def test_one_key_for_two_requests_at_once_serves_one(self, storage: Storage) -> None:
        conversations = [await create(storage), await create(storage)]
        turns = [_keyed(c, a_key(request=str(c.id))) for c in conversations for _ in range(5)]

        outcomes = await asyncio.gather(*map(storage.begin_turn, turns), return_exceptions=True)

        refused = [outcome for outcome in outcomes if isinstance(outcome, IdempotencyKeyReusedError)]
        assert len(refused) == 5, outcomes
        stored = [len(await messages_of(storage, conversation)) for conversation in conversations]
        assert sorted(stored) == [0, 2]

    async def test_a_turn_that_was_refused_leaves_its_key_free(self, storage: Storage) -> None:
        busy, conversation = await create(storage), await create(storage)
        await begin(storage, busy)
        with pytest.raises(GenerationInProgressError):
            await storage.begin_turn(_keyed(busy))
        with pytest.raises(TooManyGenerationsError):
            await storage.begin_turn(evolve(_keyed(conversation), max_generations=1))

        accepted = await storage.begin_turn(_keyed(conversation, a_key(request="another")))

        assert accepted.lease is not None

    async def test_a_key_goes_with_its_conversation(self, storage: Storage) -> None:
        deleted, conversation = await create(storage), await create(storage)
        await storage.begin_turn(_keyed(deleted))
        await storage.delete_conversation(ALICE, deleted.id)

        with pytest.raises(ConversationNotFoundError):
            await storage.begin_turn(_keyed(deleted))
        accepted = await storage.begin_turn(_keyed(conversation, a_key(request="another")))

        assert accepted.lease is not None


class PurgeContract(StorageHooks):
    """Tests that old keys are deleted in batches."""

    async def test_only_keys_of_the_age_are_forgotten(self, storage: Storage) -> None:
        turn = _keyed(await create(storage))
        await storage.begin_turn(turn)

        assert await storage.purge_idempotency_keys(_HOUR_SECONDS, 10) == 0
        assert await _is_remembered(storage, turn)
        assert await storage.purge_idempotency_keys(0, 10) == 1
        assert await storage.purge_idempotency_keys(0, 10) == 0
        assert not await _is_remembered(storage, turn)

    @pytest.mark.parametrize("minutes", [-_DAY_MINUTES, _DAY_MINUTES])
    async def test_the_clock_of_the_process_does_not_matter(self, storage: Storage, minutes: float) -> None:
        await storage.begin_turn(_keyed(await create(storage), minutes=minutes))

        assert await storage.purge_idempotency_keys(_HOUR_SECONDS, 10) == 0
        assert await storage.purge_idempotency_keys(0, 10) == 1

    async def test_keys_of_all_users_are_forgotten_up_to_the_limit(self, storage: Storage) -> None:
        turns = [_keyed(await create(storage, user), a_key(f"key-{n}")) for user in (ALICE, BOB) for n in range(3)]
        for turn in turns:
            await storage.begin_turn(turn)

        assert [await storage.purge_idempotency_keys(0, 4) for _ in range(3)] == [4, 2, 0]

    async def test_a_forgotten_key_leaves_its_turn_alone(self, storage: Storage) -> None:
        conversation = await create(storage)
        await storage.begin_turn(_keyed(conversation))
        before = await reopen(storage, conversation)

        await storage.purge_idempotency_keys(0, 10)

        assert await reopen(storage, conversation) == before


def _keyed(conversation: Conversation, key: IdempotencyKey | None = None, minutes: float = 0) -> NewTurn:
    return evolve(a_turn(conversation, now=later(minutes)), idempotency_key=key or a_key())


async def _is_remembered(storage: Storage, turn: NewTurn) -> bool:
    """Sends another request with the key of `turn`; returns whether the key is still known."""
    assert turn.idempotency_key is not None
    other = await create(storage, turn.user_id)
    try:
        await storage.begin_turn(_keyed(other, a_key(turn.idempotency_key.key, "another")))
    except IdempotencyKeyReusedError:
        return True
    return False
