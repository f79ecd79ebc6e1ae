"""Tests replies that go on after a takeover, as a part of the storage contract."""

from collections.abc import Callable

from attrs import evolve

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.message import Status
from chatcore.ports import Storage
from chatcore.replies.lease import FinalState, Lease, LeaseStatus
from chatcore.replies.orphans import OrphanedReply, ResumedReply, Resumption
from chatcore.testing.samples import (
    AWKWARD_TEXT,
    a_final_state,
    a_read,
    a_reader,
    a_request,
    a_turn,
    an_interruption,
    an_owner,
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
    message_of,
    text_so_far,
)


class ResumptionsContract(StorageHooks):
    """Tests what a process that takes a reply over learns of it, and how the reply goes on."""

    async def test_what_the_model_was_asked_for_is_there_after_a_takeover(self, storage: Storage) -> None:
        turn = evolve(a_turn(await create(storage)), request=a_request(trace_id=None))
        await begin(storage, turn=turn)

        orphan = await self._orphan(storage)

        assert orphan.request == turn.request
        assert (orphan.begins_at, orphan.prior) == (0, None)

    async def test_the_tokens_of_all_stored_text_are_counted(self, storage: Storage) -> None:
        lease = await begin(storage)
        await checkpoint(storage, progress(lease, "Hel", token_count=2))
        await checkpoint(storage, progress(lease, "Hel", token_count=2))
        await checkpoint(storage, progress(lease, "lo", start_offset=3, token_count=1))

        orphan = await self._orphan(storage)

        assert (orphan.text, orphan.token_count, orphan.new_token_count) == ("Hello", 3, 3)

    async def test_every_lease_that_expires_is_counted(self, storage: Storage) -> None:
        await begin(storage)

        counts = [(await self._orphan(storage, lambda _: Resumption(0, 0))).expired_leases for _ in range(3)]

        assert counts == [1, 2, 3]

    async def test_a_reply_goes_on_after_its_stored_text(self, storage: Storage) -> None:
        conversation = await create(storage)
        earlier = await converse(storage, conversation, "One", "Two")
        lease = await begin(storage, turn=a_turn(conversation, "Three"))
        await checkpoint(storage, progress(lease, "Hel", token_count=1))

        resumed = await self._resumed(storage, 3)

        assert resumed.lease == evolve(lease, owner_id=resumed.lease.owner_id, epoch=2)
        assert (resumed.reply.content, resumed.reply.cuts) == ("Hel", (3,))
        assert [message.content for message in resumed.history] == ["One", "Two", "Three"]
        assert resumed.history[1].id == earlier.reply.id
        assert await checkpoint(storage, progress(resumed.lease, "lo", start_offset=3)) is LeaseStatus.HELD
        assert await checkpoint(storage, progress(lease, "p!", start_offset=3)) is LeaseStatus.LOST
        await end(storage, resumed.lease, a_final_state("Hello"))
        message = await message_of(storage, lease)
        assert (message.status, message.content, message.cuts) == (Status.COMPLETE, "Hello", (3,))

    async def test_a_reply_that_begins_again_loses_its_text(self, storage: Storage) -> None:
        lease = await begin(storage)
        await checkpoint(storage, progress(lease, "Hel", token_count=1))
        await checkpoint(storage, progress(lease, "lo", start_offset=3, token_count=1))

        resumed = await self._resumed(storage, 0)

        assert (resumed.reply.content, resumed.reply.cuts, resumed.orphan.text) == ("", (0,), "Hello")
        assert await text_so_far(storage, resumed.lease) == ""
        await checkpoint(storage, progress(resumed.lease, "Bye", token_count=4))
        orphan = await self._orphan(storage)
        assert (orphan.text, orphan.token_count) == ("Bye", 4)

    async def test_readers_learn_the_number_of_the_generation(self, storage: Storage) -> None:
        lease = await begin(storage)
        await checkpoint(storage, progress(lease, "Hel"))

        reads = [*await storage.read_deltas([a_reader(lease)])]
        for cut in (3, 0):
            await self._resumed(storage, cut)
            reads += await storage.read_deltas([a_reader(lease)])

        assert reads == [
            a_read("Hel", 3, is_live=True, generation=1),
            a_read("Hel", 3, is_live=True, generation=2),
            a_read("", 0, is_live=True, generation=3),
        ]
        assert (await message_of(storage, lease)).cuts == (3, 0)

    async def test_no_more_history_is_returned_than_asked_for(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "One", "Two")
        await begin(storage, turn=a_turn(conversation, "Three"))

        resumed = await self._resumed(storage, 0, history_limit=2)

        assert [message.content for message in resumed.history] == ["Two", "Three"]

    async def test_the_instructions_come_with_a_resumed_reply(self, storage: Storage) -> None:
        conversation = await create(storage)
        await storage.update_conversation(
            conversation.user_id, conversation.id, ConversationChanges(instructions=AWKWARD_TEXT)
        )
        await begin(storage, conversation)

        assert (await self._resumed(storage, 0)).instructions == AWKWARD_TEXT

    async def test_a_fenced_lease_resumes_nothing(self, storage: Storage) -> None:
        fenced = await begin(storage)
        await checkpoint(storage, progress(fenced, "Hel"))
        await self.expire_leases(storage)
        present = await claim(storage, an_owner())

        assert await storage.recover(fenced, lambda _: Resumption(0, 0), history_limit=10) is None

        assert await text_so_far(storage, present) == "Hel"
        assert (await message_of(storage, present)).cuts == ()

    async def _orphan(
        self, storage: Storage, decide: Callable[[OrphanedReply], FinalState | Resumption] | None = None
    ) -> OrphanedReply:
        """Takes over the only running reply, and returns what its new owner learns of it."""
        seen: list[OrphanedReply] = []

        def note(orphan: OrphanedReply) -> FinalState | Resumption:
            seen.append(orphan)
            return an_interruption(orphan.text) if decide is None else decide(orphan)

        await self.expire_leases(storage)
        await storage.recover(await claim(storage, an_owner()), note)
        return seen[-1]

    async def _resumed(self, storage: Storage, cut: int, *, history_limit: int = 50) -> ResumedReply:
        """Takes over the only running reply and resumes it at a cut."""
        await self.expire_leases(storage)
        lease: Lease = await claim(storage, an_owner())
        resumed = await storage.recover(lease, lambda _: Resumption(cut, cut), history_limit=history_limit)
        assert isinstance(resumed, ResumedReply)
        return resumed
