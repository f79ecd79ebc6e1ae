"""Tests final states of replies, as a part of the storage contract."""

import asyncio

import pytest
from attrs import evolve

from chatcore.conversations.message import FinishReason, Status
from chatcore.ports import Storage
from chatcore.replies.lease import FinalState
from chatcore.reply_error import ReplyError
from chatcore.testing.samples import (
    AWKWARD_TEXT,
    a_failure,
    a_final_state,
    a_turn,
    an_interruption,
    an_owner,
    later,
    progress,
    wrong_leases,
)
from chatcore.testing.storage.steps import (
    StorageHooks,
    begin,
    checkpoint,
    claim,
    create,
    end,
    message_of,
    reopen,
    stored,
    text_so_far,
)

_FINAL_STATES = {
    "complete": a_final_state(AWKWARD_TEXT),
    "complete and empty": a_final_state(""),
    "complete at its limit": evolve(
        a_final_state(), finish_reason=FinishReason.LENGTH, usage='{"completion_tokens":2,"cost":"\\u0000"}'
    ),
    "stopped": evolve(an_interruption(), status=Status.STOPPED, error=ReplyError.STOPPED),
    "interrupted": an_interruption(),
    "failed": a_failure(),
}


class FinalStatesContract(StorageHooks):
    """Tests that a reply ends once, by the holder of its lease."""

    @pytest.mark.parametrize("final_state", _FINAL_STATES.values(), ids=_FINAL_STATES)
    async def test_the_message_gets_its_final_state(self, storage: Storage, final_state: FinalState) -> None:
        conversation = await create(storage)
        accepted = await storage.begin_turn(a_turn(conversation))
        assert accepted.lease is not None

        assert await storage.finish(accepted.lease, final_state) is True

        assert await message_of(storage, accepted.lease) == evolve(
            accepted.reply,
            status=final_state.status,
            content=final_state.content,
            error=final_state.error,
            token_count=final_state.token_count,
            inference_time_ms=final_state.inference_time_ms,
            finish_reason=final_state.finish_reason,
        )

    async def test_the_final_content_replaces_what_was_checkpointed(self, storage: Storage) -> None:
        lease = await begin(storage)
        await checkpoint(storage, progress(lease, "Hel"))

        await end(storage, lease, a_final_state("Hello"))

        assert (await message_of(storage, lease)).content == "Hello"

    async def test_a_million_characters_are_kept(self, storage: Storage) -> None:
        lease = await begin(storage)
        content = "a👩" * 500_000

        await end(storage, lease, a_final_state(content))

        assert (await message_of(storage, lease)).content == content

    async def test_updated_at_moves_and_the_head_stays(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await begin(storage, conversation)
        before = await stored(storage, conversation)

        await end(storage, lease, a_final_state(at=later(3)))

        assert await stored(storage, conversation) == evolve(before, updated_at=later(3), active_reply_id=None)

    async def test_the_conversation_is_free_for_the_next_turn(self, storage: Storage) -> None:
        conversation = await create(storage)
        await end(storage, await begin(storage, conversation), a_final_state())

        accepted = await storage.begin_turn(evolve(a_turn(conversation), max_generations=1))

        assert accepted.lease is not None
        assert await text_so_far(storage, accepted.lease) == ""

    async def test_the_reply_of_a_turn_stays_the_head_whatever_the_final_state_says(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await begin(storage, conversation)

        await end(storage, lease, a_failure())

        assert (await stored(storage, conversation)).head_id == lease.message_id
        failed = await message_of(storage, lease)
        assert (failed.status, failed.error) == (Status.FAILED, ReplyError.INFERENCE_UNREACHABLE)

    async def test_a_repeat_changes_nothing_and_is_confirmed(self, storage: Storage) -> None:
        for final_state in _FINAL_STATES.values():
            conversation = await create(storage)
            lease = await begin(storage, conversation)
            await end(storage, lease, final_state)
            before = await reopen(storage, conversation)

            assert await storage.finish(lease, final_state) is True
            assert await reopen(storage, conversation) == before

    async def test_a_repeat_after_the_next_turn_began_leaves_that_alone(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await begin(storage, conversation)
        await end(storage, lease, a_failure())
        running = await begin(storage, conversation)
        before = await reopen(storage, conversation)

        assert await storage.finish(lease, a_failure()) is True
        assert await reopen(storage, conversation) == before
        assert await text_so_far(storage, running) == ""

    async def test_repeats_at_once_are_all_confirmed(self, storage: Storage) -> None:
        for _ in range(10):
            lease = await begin(storage)

            assert await asyncio.gather(*(storage.finish(lease, a_final_state()) for _ in range(5))) == [True] * 5

    async def test_an_ended_reply_gets_no_other_final_state(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await begin(storage, conversation)
        await end(storage, lease, a_final_state("Hello"))
        before = await reopen(storage, conversation)

        for other in (
            a_final_state("Hello!", at=later(9)),
            a_failure(at=later(9)),
            an_interruption("Hello", at=later(9)),
        ):
            assert await storage.finish(lease, other) is False

        assert await reopen(storage, conversation) == before

    async def test_every_wrong_lease_is_refused_and_writes_nothing(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await begin(storage, conversation)
        await checkpoint(storage, progress(lease, "Hel"))
        before = await reopen(storage, conversation)

        for wrong in wrong_leases(lease):
            assert await storage.finish(wrong, a_final_state("forged", at=later(9))) is False
            assert await storage.recover(wrong, lambda text: a_final_state(f"forged {text}", at=later(9))) is None

        assert await reopen(storage, conversation) == before
        assert await text_so_far(storage, lease) == "Hel"

    async def test_a_fenced_owner_cannot_finish(self, storage: Storage) -> None:
        conversation = await create(storage)
        fenced = await begin(storage, conversation)
        await self.expire_leases(storage)
        present = await claim(storage, an_owner())
        before = await reopen(storage, conversation)

        assert await storage.finish(fenced, a_final_state("too late", at=later(9))) is False
        assert await reopen(storage, conversation) == before

        await end(storage, present, an_interruption())
        assert await storage.finish(fenced, a_final_state("too late", at=later(9))) is False
        assert (await message_of(storage, present)).content == an_interruption().content

    async def test_of_two_different_final_states_at_once_one_wins(self, storage: Storage) -> None:
        for _ in range(5):
            lease = await begin(storage)
            final_states = [a_final_state("one"), a_final_state("two")]

            won = await asyncio.gather(*(storage.finish(lease, final_state) for final_state in final_states))

            assert sorted(won) == [False, True]
            assert (await message_of(storage, lease)).content == final_states[won.index(True)].content
