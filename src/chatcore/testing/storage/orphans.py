"""Tests takeovers of orphaned replies, as a part of the storage contract."""

import asyncio
from collections.abc import Iterable

from attrs import evolve

from chatcore.conversations.message import MessageId, Status
from chatcore.ports import Storage
from chatcore.replies.lease import FinalState, Lease, LeaseStatus, OwnerId
from chatcore.replies.orphans import OrphanedReply
from chatcore.testing.samples import (
    BOB,
    a_failure,
    a_final_state,
    a_read,
    a_reader,
    a_regeneration,
    a_turn,
    an_interruption,
    an_owner,
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
)


class ClaimsContract(StorageHooks):
    """Tests which replies are taken over, and by which process."""

    async def test_a_valid_lease_is_left_alone(self, storage: Storage) -> None:
        lease = await begin(storage)

        assert list(await storage.claim_expired(an_owner(), (), 10)) == []
        assert await checkpoint(storage, progress(lease, "")) is LeaseStatus.HELD

    async def test_an_expired_lease_is_taken_over_with_the_next_epoch(self, storage: Storage) -> None:
        first = await begin(storage)
        for epoch in (2, 3):
            owner = an_owner()
            await self.expire_leases(storage)

            claimed = await storage.claim_expired(owner, (), 10)

            assert list(claimed) == [evolve(first, owner_id=owner, epoch=epoch)]

    async def test_replies_of_all_users_are_taken_over(self, storage: Storage) -> None:
        leases = [await begin(storage), await begin(storage, await create(storage, BOB))]
        await self.expire_leases(storage)

        claimed = await storage.claim_expired(an_owner(), (), 10)

        assert _messages(claimed) == _messages(leases)

    async def test_a_reply_that_was_taken_over_is_not_taken_again_before_its_time(self, storage: Storage) -> None:
        await begin(storage)
        await self.expire_leases(storage)
        claimed = await claim(storage, an_owner())

        assert list(await storage.claim_expired(an_owner(), (), 10)) == []
        assert await checkpoint(storage, progress(claimed, "")) is LeaseStatus.HELD

    async def test_an_ended_reply_is_not_taken_over(self, storage: Storage) -> None:
        await end(storage, await begin(storage), a_final_state())
        await self.expire_leases(storage)

        assert list(await storage.claim_expired(an_owner(), (), 10)) == []

    async def test_an_owners_own_reply_is_taken_only_when_it_is_not_running(self, storage: Storage) -> None:
        owner = an_owner()
        running, forgotten = [await _begin_as(storage, owner) for _ in range(2)]
        await self.expire_leases(storage)

        claimed = await storage.claim_expired(owner, {running.message_id}, 10)

        assert list(claimed) == [evolve(forgotten, epoch=2)]
        assert await checkpoint(storage, progress(running, "")) is LeaseStatus.HELD

    async def test_an_owners_forgotten_reply_is_left_while_its_lease_is_valid(self, storage: Storage) -> None:
        owner = an_owner()
        await _begin_as(storage, owner)

        assert list(await storage.claim_expired(owner, (), 10)) == []

    async def test_a_running_reply_is_protected_only_from_its_owner(self, storage: Storage) -> None:
        lease = await begin(storage)
        await self.expire_leases(storage)

        claimed = await storage.claim_expired(an_owner(), {lease.message_id}, 10)

        assert _messages(claimed) == {lease.message_id}

    async def test_no_more_are_taken_than_asked_for(self, storage: Storage) -> None:
        leases = [await begin(storage) for _ in range(5)]
        await self.expire_leases(storage)

        sweeps = [await storage.claim_expired(an_owner(), (), 2) for _ in range(4)]

        assert [len(sweep) for sweep in sweeps] == [2, 2, 1, 0]
        assert _messages(lease for sweep in sweeps for lease in sweep) == _messages(leases)

    async def test_of_several_sweeps_at_once_each_reply_goes_to_one(self, storage: Storage) -> None:
        leases = [await begin(storage) for _ in range(12)]
        await self.expire_leases(storage)

        sweeps = await asyncio.gather(*(storage.claim_expired(an_owner(), (), 100) for _ in range(5)))

        claimed = [lease for sweep in sweeps for lease in sweep]
        assert len(claimed) == 12
        assert _messages(claimed) == _messages(leases)
        for lease in claimed:
            assert await checkpoint(storage, progress(lease, "")) is LeaseStatus.HELD

    async def test_a_request_to_stop_is_still_there_after_a_takeover(self, storage: Storage) -> None:
        lease = await begin(storage)
        await storage.request_stop(lease.user_id, lease.conversation_id, lease.message_id)
        await self.expire_leases(storage)

        claimed = await claim(storage, an_owner())

        assert await checkpoint(storage, progress(claimed, "")) is LeaseStatus.STOP_REQUESTED


class OrphansContract(StorageHooks):
    """Tests how an orphaned reply is finished after its takeover."""

    async def test_a_reply_with_text_is_interrupted_and_keeps_it(self, storage: Storage) -> None:
        lease = await self._abandoned(storage, "Hel", "lo 👩‍🚀")

        final_state = await storage.recover(lease, _decide)

        assert final_state == _decided("Hello 👩‍🚀")
        message = await message_of(storage, lease)
        assert (message.status, message.content) == (Status.INTERRUPTED, "Hello 👩‍🚀")
        assert list(await storage.read_deltas([a_reader(lease)])) == [a_read("", 0, is_live=False)]

    async def test_a_regeneration_without_text_fails_and_the_head_returns(self, storage: Storage) -> None:
        conversation = await create(storage)
        earlier = await converse(storage, conversation, "Hello", "Hi")
        turn = await storage.begin_regeneration(a_regeneration(conversation))
        await self.expire_leases(storage)

        final_state = await storage.recover(await claim(storage, an_owner()), _decide)

        assert final_state == _decided("")
        assert (await message_of(storage, lease_of(turn))).status is Status.FAILED
        after = await stored(storage, conversation)
        assert (after.head_id, after.updated_at) == (earlier.reply.id, later(7))

    async def test_the_owner_itself_may_finish_it(self, storage: Storage) -> None:
        lease = await begin(storage)
        await checkpoint(storage, progress(lease, "Hel"))

        assert await storage.recover(lease, _decide) == _decided("Hel")

    async def test_a_stop_request_that_the_owner_did_not_see_is_reported(self, storage: Storage) -> None:
        seen: list[OrphanedReply] = []

        def decide(orphan: OrphanedReply) -> FinalState:
            seen.append(orphan)
            return _decide(orphan)

        for is_asked in (False, True):
            lease = await begin(storage)
            await checkpoint(storage, progress(lease, "Hel"))
            if is_asked:
                await storage.request_stop(lease.user_id, lease.conversation_id, lease.message_id)
            await self.expire_leases(storage)
            await storage.recover(await claim(storage, an_owner()), decide)

        assert [orphan.stop_requested for orphan in seen] == [False, True]

    async def test_an_earlier_reply_is_reported(self, storage: Storage) -> None:
        seen: list[OrphanedReply] = []

        def decide(orphan: OrphanedReply) -> FinalState:
            seen.append(orphan)
            return _decide(orphan)

        conversation = await create(storage)
        await storage.recover(await begin(storage, conversation), decide)
        for text in ("", "Hel"):  # The previous reply failed before the first round.
            lease = lease_of(await storage.begin_regeneration(a_regeneration(conversation)))
            await checkpoint(storage, progress(lease, text))
            await self.expire_leases(storage)
            await storage.recover(await claim(storage, an_owner()), decide)
        await storage.recover(await begin(storage, conversation), decide)

        assert [(orphan.text, orphan.replaces) for orphan in seen] == [
            ("", False),
            ("", True),
            ("Hel", True),
            ("", False),
        ]

    async def test_a_fenced_lease_finishes_nothing(self, storage: Storage) -> None:
        conversation = await create(storage)
        fenced = await begin(storage, conversation)
        await self.expire_leases(storage)
        present = await claim(storage, an_owner())
        before = await reopen(storage, conversation)

        assert await storage.recover(fenced, _decide) is None

        assert await reopen(storage, conversation) == before
        assert await checkpoint(storage, progress(present, "")) is LeaseStatus.HELD

    async def test_an_orphan_is_finished_once(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await begin(storage, conversation)
        await checkpoint(storage, progress(lease, "Hel"))
        await storage.recover(lease, _decide)
        before = await reopen(storage, conversation)

        assert await storage.recover(lease, lambda _: a_final_state("another", at=later(9))) is None
        assert await reopen(storage, conversation) == before

    async def test_no_text_is_stored_after_the_final_state(self, storage: Storage) -> None:
        for _ in range(10):
            lease = await begin(storage)
            await checkpoint(storage, progress(lease, "Hel"))

            status, final_state = await asyncio.gather(
                checkpoint(storage, progress(lease, "lo", start_offset=3)), storage.recover(lease, _decide)
            )

            expected = "Hello" if status is LeaseStatus.HELD else "Hel"
            assert final_state == _decided(expected)
            assert (await message_of(storage, lease)).content == expected

    async def test_an_error_in_the_decision_leaves_everything_as_it_is(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await begin(storage, conversation)
        await checkpoint(storage, progress(lease, "Hel"))
        before = await reopen(storage, conversation)

        outcome = await asyncio.gather(storage.recover(lease, _fail_to_decide), return_exceptions=True)

        assert [str(error) for error in outcome] == ["no idea"]
        assert await reopen(storage, conversation) == before
        assert await storage.recover(lease, _decide) == _decided("Hel")

    async def _abandoned(self, storage: Storage, *pieces: str) -> Lease:
        """Stores a reply with some text, lets its lease expire, and takes the reply over."""
        lease = await begin(storage)
        offset = 0
        for piece in pieces:
            await checkpoint(storage, progress(lease, piece, start_offset=offset))
            offset += len(piece)
        await self.expire_leases(storage)
        return await claim(storage, an_owner())


async def _begin_as(storage: Storage, owner: OwnerId) -> Lease:
    turn = a_turn(await create(storage))
    return await begin(storage, turn=evolve(turn, owner_id=owner))


def _messages(leases: Iterable[Lease]) -> set[MessageId]:
    return {lease.message_id for lease in leases}


def _decide(orphan: OrphanedReply) -> FinalState:
    return _decided(orphan.text)


def _decided(text: str) -> FinalState:
    return an_interruption(text, at=later(7)) if text else a_failure(at=later(7))


def _fail_to_decide(_orphan: OrphanedReply) -> FinalState:
    raise LookupError("no idea")
