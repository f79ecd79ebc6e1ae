"""Tests replies that go on after they have ended, as a part of the storage contract."""

import asyncio

import pytest
from attrs import evolve

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import FinishReason, Status
from chatcore.errors import (
    GenerationInProgressError,
    IdempotencyKeyReusedError,
    MessageNotFoundError,
    NotContinuableError,
    TooManyGenerationsError,
)
from chatcore.ports import NewContinuation, Storage
from chatcore.replies.lease import FinalState, Lease, LeaseStatus
from chatcore.replies.orphans import OrphanedReply, PriorState
from chatcore.reply_error import ReplyError
from chatcore.testing.samples import (
    AWKWARD_TEXT,
    BOB,
    a_conversation,
    a_final_state,
    a_key,
    a_message_id,
    a_regeneration,
    a_turn,
    an_interruption,
    an_owner,
    continuation_of,
    later,
    progress,
)
from chatcore.testing.storage.steps import (
    StorageHooks,
    begin,
    checkpoint,
    claim,
    converse,
    create,
    end,
    lease_of,
    message_of,
    reopen,
    stored,
    text_so_far,
)

_ENDS = {
    "interrupted": evolve(an_interruption("Hel"), token_count=3, inference_time_ms=9),
    "stopped": evolve(an_interruption("Hel"), status=Status.STOPPED, error=ReplyError.STOPPED),
    "stopped without text": evolve(an_interruption(""), status=Status.STOPPED, error=ReplyError.STOPPED),
    "too long": evolve(a_final_state("Hel"), finish_reason=FinishReason.LENGTH),
    "awkward": an_interruption(AWKWARD_TEXT),
}
_OTHER_ENDS = {
    "complete": a_final_state("Hello"),
    "complete by a stop word": evolve(a_final_state("Hello"), finish_reason=FinishReason.STOP),
    "failed": evolve(an_interruption(""), status=Status.FAILED),
}


class ContinuationsContract(StorageHooks):
    """Tests which replies go on, and what is stored then."""

    @pytest.mark.parametrize("ended", _ENDS.values(), ids=_ENDS)
    async def test_a_reply_goes_on_with_all_of_its_text(self, storage: Storage, ended: FinalState) -> None:
        conversation, lease = await self._ended(storage, ended)
        length = len(ended.content)

        accepted = await storage.begin_continuation(continuation_of(lease, now=later(5)))

        assert (accepted.reply.status, accepted.reply.content) == (Status.STREAMING, ended.content)
        assert (accepted.reply.error, accepted.reply.finish_reason, accepted.reply.cuts) == (None, None, (length,))
        assert accepted.begins_at == length
        assert accepted.prior == PriorState(
            status=ended.status,
            error=ended.error,
            token_count=ended.token_count,
            inference_time_ms=ended.inference_time_ms,
            finish_reason=ended.finish_reason,
        )
        assert [message.content for message in accepted.history] == ["Hello"]
        assert accepted.user_message == accepted.history[-1]
        assert accepted.reply == await message_of(storage, lease)
        assert await text_so_far(storage, lease_of(accepted)) == ended.content
        after = await stored(storage, conversation)
        assert (after.head_id, after.updated_at, after.active_reply_id) == (
            lease.message_id,
            later(5),
            lease.message_id,
        )

    async def test_the_reply_grows_and_ends_like_any_other(self, storage: Storage) -> None:
        conversation, lease = await self._ended(storage)
        accepted = await storage.begin_continuation(continuation_of(lease))
        present = lease_of(accepted)

        assert await checkpoint(storage, progress(present, "lo", start_offset=3)) is LeaseStatus.HELD
        assert (await message_of(storage, present)).content == "Hello"
        await end(storage, present, a_final_state("Hello!"))

        message = await message_of(storage, present)
        assert (message.status, message.content, message.cuts) == (Status.COMPLETE, "Hello!", (3,))
        assert (await stored(storage, conversation)).active_reply_id is None

    async def test_a_reply_goes_on_more_than_once(self, storage: Storage) -> None:
        _, lease = await self._ended(storage)
        epochs = [lease.epoch]
        for text in ("Hell", "Hello"):
            present = lease_of(await storage.begin_continuation(continuation_of(lease)))
            epochs.append(present.epoch)
            await end(storage, present, an_interruption(text))

        assert (await message_of(storage, lease)).cuts == (3, 4)
        assert epochs == sorted(set(epochs))

    async def test_an_earlier_owner_is_fenced_off(self, storage: Storage) -> None:
        owner = an_owner()
        turn = evolve(a_turn(await create(storage)), owner_id=owner)
        frozen = await begin(storage, turn=turn)
        await self.expire_leases(storage)
        await storage.recover(await claim(storage, an_owner()), lambda _: an_interruption("Hel"))

        present = lease_of(await storage.begin_continuation(evolve(continuation_of(frozen), owner_id=owner)))

        assert await checkpoint(storage, progress(frozen, "p!", start_offset=3)) is LeaseStatus.LOST
        assert await storage.finish(frozen, a_final_state("Help!")) is False
        assert await text_so_far(storage, present) == "Hel"

    async def test_the_head_moves_to_the_reply_and_can_return(self, storage: Storage) -> None:
        conversation, lease = await self._ended(storage)
        regenerated = await storage.begin_regeneration(a_regeneration(conversation))
        await end(storage, lease_of(regenerated), a_final_state("Another"))

        for returns in (True, False):
            present = lease_of(await storage.begin_continuation(continuation_of(lease)))
            assert (await stored(storage, conversation)).head_id == lease.message_id
            await end(storage, present, evolve(an_interruption("Hel"), returns_head=returns))
            head_id = (await stored(storage, conversation)).head_id
            assert head_id == (regenerated.reply.id if returns else lease.message_id)

    async def test_recovery_finds_what_the_reply_was_before(self, storage: Storage) -> None:
        _, lease = await self._ended(storage)
        accepted = await storage.begin_continuation(continuation_of(lease))
        await checkpoint(storage, progress(lease_of(accepted), "lo", start_offset=3, token_count=2))
        seen: list[OrphanedReply] = []

        def decide(orphan: OrphanedReply) -> FinalState:
            seen.append(orphan)
            return an_interruption(orphan.text)

        await self.expire_leases(storage)
        await storage.recover(await claim(storage, an_owner()), decide)

        (orphan,) = seen
        assert (orphan.text, orphan.begins_at, orphan.prior) == ("Hello", 3, accepted.prior)
        assert (orphan.token_count, orphan.new_token_count, orphan.replaces) == (5, 2, False)

    @pytest.mark.parametrize("ended", _OTHER_ENDS.values(), ids=_OTHER_ENDS)
    async def test_a_reply_that_ended_otherwise_is_refused(self, storage: Storage, ended: FinalState) -> None:
        conversation, lease = await self._ended(storage, ended)
        before = await reopen(storage, conversation)

        with pytest.raises(NotContinuableError):
            await storage.begin_continuation(continuation_of(lease))

        assert await reopen(storage, conversation) == before

    async def test_a_reply_with_messages_below_it_is_refused(self, storage: Storage) -> None:
        conversation, lease = await self._ended(storage)
        await converse(storage, conversation, "And then?", "Nothing")

        with pytest.raises(NotContinuableError):
            await storage.begin_continuation(continuation_of(lease))

    async def test_what_is_no_reply_of_the_conversation_is_not_found(self, storage: Storage) -> None:
        _, lease = await self._ended(storage)
        question_id = (await message_of(storage, lease)).parent_id
        assert question_id is not None
        elsewhere = await create(storage)
        continuation = continuation_of(lease)

        for wrong in (
            evolve(continuation, reply_id=question_id),
            evolve(continuation, reply_id=a_message_id()),
            evolve(continuation, conversation_id=elsewhere.id),
            evolve(continuation, user_id=BOB),
            evolve(continuation, conversation_id=a_conversation().id),
        ):
            with pytest.raises(MessageNotFoundError):
                await storage.begin_continuation(wrong)

    async def test_a_running_reply_is_reported(self, storage: Storage) -> None:
        conversation, lease = await self._ended(storage)
        running = await storage.begin_regeneration(a_regeneration(conversation))

        with pytest.raises(GenerationInProgressError) as busy:
            await storage.begin_continuation(continuation_of(lease))

        assert busy.value.message_id == running.reply.id

    async def test_a_continuation_counts_as_a_running_reply(self, storage: Storage) -> None:
        _, lease = await self._ended(storage)
        await begin(storage)

        with pytest.raises(TooManyGenerationsError):
            await storage.begin_continuation(evolve(continuation_of(lease), max_generations=1))
        await storage.begin_continuation(evolve(continuation_of(lease), max_generations=2))
        with pytest.raises(TooManyGenerationsError):
            await storage.begin_turn(evolve(a_turn(await create(storage)), max_generations=2))

    async def test_of_two_at_once_one_wins(self, storage: Storage) -> None:
        for _ in range(5):
            _, lease = await self._ended(storage)

            outcomes = await asyncio.gather(
                *(storage.begin_continuation(continuation_of(lease)) for _ in range(2)), return_exceptions=True
            )

            kinds = sorted(type(outcome).__name__ for outcome in outcomes)
            assert kinds == ["AcceptedTurn", "GenerationInProgressError"]
            assert (await message_of(storage, lease)).cuts == (3,)

    async def test_a_repeat_gets_the_same_lease(self, storage: Storage) -> None:
        _, lease = await self._ended(storage)
        continuation = continuation_of(lease)

        first = await storage.begin_continuation(continuation)

        assert await storage.begin_continuation(continuation) == first

    async def test_a_key_leads_to_the_continuation_wherever_it_is(self, storage: Storage) -> None:
        conversation, lease = await self._ended(storage)
        continuation = evolve(continuation_of(lease), idempotency_key=a_key())
        first = await storage.begin_continuation(continuation)

        retry = await storage.begin_continuation(self._again(continuation))
        await end(storage, lease_of(first), a_final_state("Hello"))
        before = await reopen(storage, conversation)
        late = await storage.begin_continuation(self._again(continuation))

        assert (retry.lease, retry.begins_at, retry.reply.status) == (None, 3, Status.STREAMING)
        assert (late.lease, late.begins_at, late.reply.content) == (None, 3, "Hello")
        assert await reopen(storage, conversation) == before

    async def test_a_key_of_another_request_continues_nothing(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = evolve(a_turn(conversation), idempotency_key=a_key())
        lease = await begin(storage, turn=turn)
        await end(storage, lease, an_interruption("Hel"))

        with pytest.raises(IdempotencyKeyReusedError):
            await storage.begin_continuation(evolve(continuation_of(lease), idempotency_key=a_key(request="another")))

    async def _ended(self, storage: Storage, ended: FinalState = _ENDS["interrupted"]) -> tuple[Conversation, Lease]:
        conversation = await create(storage)
        lease = await begin(storage, conversation)
        await end(storage, lease, ended)
        return conversation, lease

    @staticmethod
    def _again(continuation: NewContinuation) -> NewContinuation:
        """Returns the same request as another process makes it."""
        request = evolve(continuation.request, attempt="another")
        return evolve(continuation, owner_id=an_owner(), request=request)
