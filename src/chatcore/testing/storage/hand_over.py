"""Tests owners that give their leases up, as a part of the storage contract."""

from chatcore.ports import Storage
from chatcore.replies.lease import LeaseStatus
from chatcore.replies.orphans import OrphanedReply, Resumption
from chatcore.testing.samples import a_final_state, an_owner, progress, wrong_leases
from chatcore.testing.storage.steps import StorageHooks, begin, checkpoint, claim, end, message_of, text_so_far


class HandOverContract(StorageHooks):
    """Tests that another process may take a reply over as soon as its owner has given the lease up."""

    async def test_the_last_text_is_stored_and_the_reply_taken_over_at_once(self, storage: Storage) -> None:
        lease = await begin(storage)
        await checkpoint(storage, progress(lease, "Hel"))

        assert await storage.hand_over(progress(lease, "lo", start_offset=3, token_count=1))

        claimed = await claim(storage, an_owner())
        assert (claimed.message_id, claimed.epoch) == (lease.message_id, 2)
        assert await text_so_far(storage, claimed) == "Hello"
        assert await checkpoint(storage, progress(claimed, "!", start_offset=5)) is LeaseStatus.HELD

    async def test_a_lease_that_was_given_up_has_not_expired(self, storage: Storage) -> None:
        seen: list[OrphanedReply] = []

        def decide(orphan: OrphanedReply) -> Resumption:
            seen.append(orphan)
            return Resumption(0, 0)

        lease = await begin(storage)
        for _ in range(2):
            assert await storage.hand_over(progress(lease, ""))
            lease = await claim(storage, an_owner())
            await storage.recover(lease, decide)

        assert [orphan.expired_leases for orphan in seen] == [0, 0]

    async def test_leases_that_were_given_up_are_claimed_apart_from_expired_ones(self, storage: Storage) -> None:
        expired = await begin(storage)
        await self.expire_leases(storage)
        given_up = await begin(storage)
        assert await storage.hand_over(progress(given_up, ""))

        claimed = await storage.claim_expired(an_owner(), (), 10, only_given_up=True)

        assert [lease.message_id for lease in claimed] == [given_up.message_id]
        assert [lease.message_id for lease in await storage.claim_expired(an_owner(), (), 10)] == [expired.message_id]

    async def test_a_repeat_changes_nothing(self, storage: Storage) -> None:
        lease = await begin(storage)
        part = progress(lease, "Hello")

        assert await storage.hand_over(part)
        assert await storage.hand_over(part)

        assert await text_so_far(storage, lease) == "Hello"

    async def test_only_the_present_lease_can_be_given_up(self, storage: Storage) -> None:
        lease = await begin(storage)

        for wrong in wrong_leases(lease):
            assert not await storage.hand_over(progress(wrong, "forged"))

        assert list(await storage.claim_expired(an_owner(), (), 10)) == []
        assert await text_so_far(storage, lease) == ""

    async def test_an_ended_reply_cannot_be_handed_over(self, storage: Storage) -> None:
        lease = await begin(storage)
        await end(storage, lease, a_final_state("Hello"))

        assert not await storage.hand_over(progress(lease, "again"))

        assert (await message_of(storage, lease)).content == "Hello"
