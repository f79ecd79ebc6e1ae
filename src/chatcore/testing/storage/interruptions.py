"""Tests turns and regenerations that end a running reply, as a part of the storage contract."""

import asyncio
from collections.abc import Callable

import pytest
from attrs import evolve

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import Message, Status
from chatcore.errors import (
    ConversationNotFoundError,
    GenerationInProgressError,
    IdempotencyKeyReusedError,
    NothingToRegenerateError,
    TooManyGenerationsError,
)
from chatcore.ports import AcceptedTurn, NewRegeneration, NewTurn, Storage
from chatcore.replies.lease import FinalState, LeaseStatus
from chatcore.replies.orphans import OrphanedReply
from chatcore.reply_error import ReplyError
from chatcore.testing.samples import (
    BOB,
    a_conversation,
    a_final_state,
    a_key,
    a_message_id,
    a_read,
    a_reader,
    a_regeneration,
    a_turn,
    an_interruption,
    later,
    progress,
)
from chatcore.testing.storage.steps import (
    StorageHooks,
    begin,
    checkpoint,
    converse,
    create,
    end,
    lease_of,
    message_of,
    messages_of,
    reopen,
    text_so_far,
)

_Beginning = Callable[[Conversation], NewTurn | NewRegeneration]
_BEGINNINGS = pytest.mark.parametrize("a_new", [a_turn, a_regeneration])


class InterruptionsContract(StorageHooks):
    """Tests that ending a reply and beginning another one is one step."""

    async def test_a_running_reply_keeps_its_stored_text_and_the_turn_follows_it(self, storage: Storage) -> None:
        conversation = await create(storage)
        running = await begin(storage, conversation)
        await checkpoint(storage, progress(running, "Hel"))
        await checkpoint(storage, progress(running, "lo 👩‍🚀", start_offset=3))
        turn = a_turn(conversation, "Stop that", now=later(2))

        accepted = await storage.interrupt(turn, running.message_id, _stopped)

        question, ended, message, reply = await messages_of(storage, conversation)
        assert (ended.status, ended.content, ended.error) == (Status.STOPPED, "Hello 👩‍🚀", ReplyError.STOPPED)
        assert (accepted.user_message, accepted.reply) == (message, reply)
        assert (message.content, message.parent_id, message.position) == ("Stop that", ended.id, 3)
        assert (reply.id, reply.status) == (turn.reply_id, Status.STREAMING)
        assert accepted.history == (question, ended, message)
        assert lease_of(accepted) == turn.lease(epoch=1)

    async def test_a_regeneration_stands_beside_the_ended_reply(self, storage: Storage) -> None:
        conversation = await create(storage)
        running = await begin(storage, conversation)
        await checkpoint(storage, progress(running, "Hel"))
        regeneration = a_regeneration(conversation, now=later(2))

        accepted = await storage.interrupt(regeneration, running.message_id, _stopped)

        question, ended, reply = await messages_of(storage, conversation)
        assert (ended.status, ended.content, ended.parent_id) == (Status.STOPPED, "Hel", question.id)
        assert (accepted.user_message, accepted.reply) == (question, reply)
        assert (reply.id, reply.status, reply.parent_id) == (regeneration.reply_id, Status.STREAMING, question.id)
        assert accepted.history == (question,)
        assert lease_of(accepted) == regeneration.lease(epoch=1)
        await end(storage, lease_of(accepted), evolve(a_final_state(""), status=Status.FAILED, returns_head=True))
        assert (await reopen(storage, conversation)).conversation.head_id == ended.id

    async def test_the_owner_loses_its_lease(self, storage: Storage) -> None:
        conversation = await create(storage)
        running = await begin(storage, conversation)
        await checkpoint(storage, progress(running, "Hel"))

        await storage.interrupt(a_turn(conversation), running.message_id, _stopped)

        assert await checkpoint(storage, progress(running, "lo", start_offset=3, renew=True)) is LeaseStatus.LOST
        assert not await storage.finish(running, a_final_state("Hello"))
        assert (await message_of(storage, running)).content == "Hel"
        assert list(await storage.read_deltas([a_reader(running)])) == [a_read("", 0, is_live=False)]

    async def test_a_reply_that_has_ended_is_left_as_it_is(self, storage: Storage) -> None:
        conversation = await create(storage)
        running = await begin(storage, conversation)
        await end(storage, running, a_final_state("Hello"))

        accepted = await storage.interrupt(a_turn(conversation), running.message_id, _stopped)

        assert (await message_of(storage, running)).status is Status.COMPLETE
        assert accepted.user_message.parent_id == running.message_id

    async def test_another_running_reply_is_named_and_goes_on(self, storage: Storage) -> None:
        conversation = await create(storage)
        earlier = await converse(storage, conversation, "Hello", "Hi")
        running = await begin(storage, conversation)
        before = await reopen(storage, conversation)

        for asked in (earlier.reply.id, a_message_id()):
            with pytest.raises(GenerationInProgressError) as refusal:
                await storage.interrupt(a_turn(conversation), asked, _stopped)
            assert refusal.value.message_id == running.message_id

        assert await reopen(storage, conversation) == before
        assert await checkpoint(storage, progress(running, "")) is LeaseStatus.HELD

    async def test_the_place_of_the_ended_reply_is_free_for_the_turn(self, storage: Storage) -> None:
        conversation = await create(storage)
        running = await begin(storage, conversation)

        accepted = await storage.interrupt(
            evolve(a_turn(conversation), max_generations=1), running.message_id, _stopped
        )

        assert accepted.lease is not None

    @_BEGINNINGS
    async def test_a_request_that_is_refused_ends_nothing(self, storage: Storage, a_new: _Beginning) -> None:
        conversation = await create(storage)
        running = await begin(storage, conversation)
        await checkpoint(storage, progress(running, "Hel"))
        elsewhere = await create(storage)
        key = a_key()
        await storage.begin_turn(evolve(a_turn(elsewhere), idempotency_key=key))
        before = await reopen(storage, conversation)

        new = a_new(conversation)
        for refused, error in (
            (evolve(new, max_generations=1), TooManyGenerationsError),
            (evolve(new, idempotency_key=evolve(key, fingerprint=bytes(32))), IdempotencyKeyReusedError),
            (evolve(new, user_id=BOB), ConversationNotFoundError),
            (evolve(new, conversation_id=a_conversation().id), ConversationNotFoundError),
        ):
            with pytest.raises(error):
                await storage.interrupt(refused, running.message_id, _stopped)

        assert await reopen(storage, conversation) == before
        assert await text_so_far(storage, running) == "Hel"

    async def test_a_conversation_without_a_question_has_nothing_to_regenerate(self, storage: Storage) -> None:
        with pytest.raises(NothingToRegenerateError):
            await storage.interrupt(a_regeneration(await create(storage)), a_message_id(), _stopped)

    async def test_the_limit_is_named_first_if_ending_the_reply_would_not_make_room(self, storage: Storage) -> None:
        conversation = await create(storage)
        await begin(storage, conversation)
        await begin(storage)

        with pytest.raises(TooManyGenerationsError):
            await storage.begin_turn(evolve(a_turn(conversation), max_generations=1))
        with pytest.raises(GenerationInProgressError):
            await storage.begin_turn(evolve(a_turn(conversation), max_generations=2))

    @_BEGINNINGS
    async def test_a_request_that_was_begun_before_ends_nothing(self, storage: Storage, a_new: _Beginning) -> None:
        conversation = await create(storage)
        running = await begin(storage, conversation)
        new = evolve(a_new(conversation), idempotency_key=a_key())
        first = await storage.interrupt(new, running.message_id, _stopped)
        before = await reopen(storage, conversation)

        again = await storage.interrupt(new, new.reply_id, _stopped)
        retry = await storage.interrupt(evolve(a_new(conversation), idempotency_key=a_key()), new.reply_id, _stopped)

        assert again == first
        assert (retry.reply, retry.lease) == (first.reply, None)
        assert await reopen(storage, conversation) == before
        assert await checkpoint(storage, progress(lease_of(first), "")) is LeaseStatus.HELD

    async def test_an_interrupted_regeneration_can_give_its_place_back(self, storage: Storage) -> None:
        conversation = await create(storage)
        earlier = await converse(storage, conversation, "Hello", "Hi")
        running = lease_of(await storage.begin_regeneration(a_regeneration(conversation)))
        seen: list[OrphanedReply] = []

        def decide(orphan: OrphanedReply) -> FinalState:
            seen.append(orphan)
            return evolve(_stopped(orphan), returns_head=True)

        accepted = await storage.interrupt(a_turn(conversation), running.message_id, decide)

        assert [(orphan.text, orphan.replaces) for orphan in seen] == [("", True)]
        assert accepted.user_message.parent_id == earlier.reply.id

    async def test_of_two_regenerations_the_later_can_return_to_the_reply_before_both(self, storage: Storage) -> None:
        conversation = await create(storage)
        earlier = await converse(storage, conversation, "Hello", "Hi")
        running = lease_of(await storage.begin_regeneration(a_regeneration(conversation)))

        accepted = await storage.interrupt(
            a_regeneration(conversation), running.message_id, lambda orphan: evolve(_stopped(orphan), returns_head=True)
        )

        assert accepted.reply.parent_id == earlier.user_message.id
        await end(storage, lease_of(accepted), evolve(a_final_state(""), status=Status.FAILED, returns_head=True))
        assert (await reopen(storage, conversation)).conversation.head_id == earlier.reply.id

    async def test_of_two_at_once_one_wins_and_the_other_learns_which(self, storage: Storage) -> None:
        for _ in range(5):
            conversation = await create(storage)
            running = await begin(storage, conversation)

            outcomes = await asyncio.gather(
                *(storage.interrupt(a_turn(conversation), running.message_id, _stopped) for _ in range(2)),
                return_exceptions=True,
            )

            (winner,) = [outcome for outcome in outcomes if isinstance(outcome, AcceptedTurn)]
            (loser,) = [outcome for outcome in outcomes if isinstance(outcome, GenerationInProgressError)]
            assert loser.message_id == winner.reply.id
            assert _statuses(await messages_of(storage, conversation)) == [Status.STOPPED, Status.STREAMING]

    async def test_of_a_turn_and_a_regeneration_at_once_one_wins(self, storage: Storage) -> None:
        for _ in range(5):
            conversation = await create(storage)
            running = await begin(storage, conversation)

            outcomes = await asyncio.gather(
                storage.interrupt(a_turn(conversation), running.message_id, _stopped),
                storage.interrupt(a_regeneration(conversation), running.message_id, _stopped),
                return_exceptions=True,
            )

            (winner,) = [outcome for outcome in outcomes if isinstance(outcome, AcceptedTurn)]
            (loser,) = [outcome for outcome in outcomes if isinstance(outcome, GenerationInProgressError)]
            assert loser.message_id == winner.reply.id
            assert (await message_of(storage, running)).status is Status.STOPPED

    async def test_no_turn_comes_between_the_end_and_the_turn(self, storage: Storage) -> None:
        for _ in range(5):
            conversation = await create(storage)
            running = await begin(storage, conversation)

            accepted, *others = await asyncio.gather(
                storage.interrupt(a_turn(conversation), running.message_id, _stopped),
                *(storage.begin_turn(a_turn(conversation)) for _ in range(4)),
                return_exceptions=True,
            )

            assert isinstance(accepted, AcceptedTurn), accepted
            assert {type(other) for other in others} == {GenerationInProgressError}
            assert len(await messages_of(storage, conversation)) == 4

    async def test_text_that_races_the_end_is_kept_or_lost_with_the_lease(self, storage: Storage) -> None:
        for _ in range(5):
            conversation = await create(storage)
            running = await begin(storage, conversation)
            await checkpoint(storage, progress(running, "Hel"))

            status, _ = await asyncio.gather(
                checkpoint(storage, progress(running, "lo", start_offset=3)),
                storage.interrupt(a_turn(conversation), running.message_id, _stopped),
            )

            expected = "Hello" if status is LeaseStatus.HELD else "Hel"
            assert (await message_of(storage, running)).content == expected

    async def test_a_final_state_that_races_the_end_counts_or_is_lost(self, storage: Storage) -> None:
        for _ in range(5):
            conversation = await create(storage)
            running = await begin(storage, conversation)

            is_finished, accepted = await asyncio.gather(
                storage.finish(running, a_final_state("Hello")),
                storage.interrupt(a_turn(conversation), running.message_id, _stopped),
            )

            ended = await message_of(storage, running)
            assert ended.status is (Status.COMPLETE if is_finished else Status.STOPPED)
            assert accepted.user_message.parent_id == ended.id


def _stopped(orphan: OrphanedReply) -> FinalState:
    return evolve(an_interruption(orphan.text, at=later(1)), status=Status.STOPPED, error=ReplyError.STOPPED)


def _statuses(messages: tuple[Message, ...]) -> list[Status]:
    return [message.status for message in messages if message.is_reply]
