"""Tests what becomes of reasoning and data in recovery and continuations, as a part of the storage contract."""

from attrs import evolve

from chatcore.conversations.log import Piece, bytes_of
from chatcore.conversations.message import Status
from chatcore.conversations.parts import PartKind
from chatcore.ports import Storage
from chatcore.replies.lease import FinalState, Lease
from chatcore.replies.orphans import OrphanedReply, ResumedReply, Resumption
from chatcore.testing.samples import a_final_state, a_reader, an_owner, continuation_of, progress
from chatcore.testing.storage.piece_steps import (
    CALL,
    LENGTH,
    PIECES,
    RESULT,
    TEXT,
    a_final_state_with_pieces,
    run_with_pieces,
)
from chatcore.testing.storage.steps import StorageHooks, checkpoint, claim, end, lease_of, message_of


class PieceRecoveryContract(StorageHooks):
    """Tests what becomes of reasoning and data when a reply changes hands or goes on."""

    async def test_a_hand_over_stores_the_last_pieces(self, storage: Storage) -> None:
        lease = await run_with_pieces(storage, count=2)

        assert await storage.hand_over(evolve(progress(lease, "!", start_offset=5), pieces=PIECES[2:]))

        orphan = await _orphan(storage)
        assert (orphan.text, orphan.pieces) == (TEXT, PIECES)

    async def test_an_orphaned_reply_has_its_pieces(self, storage: Storage) -> None:
        await run_with_pieces(storage)
        await self.expire_leases(storage)

        orphan = await _orphan(storage)

        assert (orphan.text, orphan.pieces, orphan.end_of_text) == (TEXT, PIECES, RESULT.position)

    async def test_the_log_after_a_cut_is_dropped(self, storage: Storage) -> None:
        lease = await run_with_pieces(storage)
        await self.expire_leases(storage)

        resumed = await storage.recover(
            await claim(storage, an_owner()), lambda orphan: Resumption(orphan.end_of_text, len(orphan.text))
        )

        assert isinstance(resumed, ResumedReply)
        reply = resumed.reply
        assert (reply.content, reply.pieces, reply.cuts) == (TEXT, PIECES[:3], (RESULT.position,))
        again = Piece(RESULT.position, 6, PartKind.DATA, "{}")
        await end(storage, resumed.lease, a_final_state_with_pieces(pieces=(again,)))
        assert (await message_of(storage, lease)).pieces == (*PIECES[:3], again)

    async def test_a_final_state_of_an_earlier_generation_is_lost_even_if_its_text_is_the_same(
        self, storage: Storage
    ) -> None:
        lease = await run_with_pieces(storage)
        await self.expire_leases(storage)
        present = await claim(storage, an_owner())
        await storage.recover(present, lambda _: Resumption(0, 0))
        await end(storage, present, evolve(a_final_state(TEXT), generation=2))

        assert await storage.finish(lease, a_final_state(TEXT)) is False
        assert await storage.finish(lease, a_final_state_with_pieces()) is False
        assert await storage.finish(present, evolve(a_final_state(TEXT), generation=2)) is True

    async def test_a_restart_drops_the_whole_log(self, storage: Storage) -> None:
        lease = await run_with_pieces(storage)
        await self.expire_leases(storage)

        await storage.recover(await claim(storage, an_owner()), lambda _: Resumption(0, 0))

        message = await message_of(storage, lease)
        assert (message.content, message.pieces, message.cuts) == ("", (), (0,))

    async def test_a_continuation_begins_at_the_end_of_the_log(self, storage: Storage) -> None:
        lease = await self._continued(storage)
        message = await message_of(storage, lease)
        assert (message.content, message.pieces, message.cuts) == (TEXT, PIECES, (LENGTH,))
        (read,) = await storage.read_deltas([a_reader(lease, CALL.position)])
        assert tuple(read.stretches) == tuple(message.log.stretches(CALL.position, 1000))

        more = Piece(LENGTH + 1, 7, PartKind.REASONING, "more")
        await checkpoint(storage, evolve(progress(lease, "?", start_offset=6, token_count=1), pieces=(more,)))
        await self.expire_leases(storage)
        orphan = await _orphan(storage)

        assert (orphan.begins_at, orphan.text_begins_at, orphan.new_token_count) == (LENGTH, 6, 1)
        assert (orphan.text, orphan.pieces) == (TEXT + "?", (*PIECES, more))

    async def test_pieces_of_a_continuation_without_text_are_dropped(self, storage: Storage) -> None:
        lease = await self._continued(storage)
        more = Piece(LENGTH, 6, PartKind.REASONING, "more")
        await checkpoint(storage, evolve(progress(lease, ""), pieces=(more,)))

        await end(storage, lease, evolve(a_final_state_with_pieces(), drops_pieces_from=LENGTH))

        assert (await message_of(storage, lease)).pieces == PIECES

    async def _continued(self, storage: Storage) -> Lease:
        lease = await run_with_pieces(storage)
        await end(storage, lease, evolve(a_final_state_with_pieces(), status=Status.STOPPED))
        return lease_of(await storage.begin_continuation(continuation_of(lease)))


async def _orphan(storage: Storage) -> OrphanedReply:
    """Takes over the only orphaned reply and ends it; returns what its new owner learns of it."""
    seen: list[OrphanedReply] = []

    def decide(orphan: OrphanedReply) -> FinalState:
        seen.append(orphan)
        return evolve(a_final_state(orphan.text), pieces_bytes=bytes_of(orphan.pieces))

    await storage.recover(await claim(storage, an_owner()), decide)
    return seen[0]
