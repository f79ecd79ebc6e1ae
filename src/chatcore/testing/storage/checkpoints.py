"""Tests checkpoints, their readers and stop requests, as a part of the storage contract."""

import pytest
from attrs import evolve

from chatcore.conversations.message import Status
from chatcore.errors import MessageNotFoundError
from chatcore.ports import Storage
from chatcore.replies.lease import Lease, LeaseStatus
from chatcore.testing.samples import (
    ALICE,
    AWKWARD_TEXT,
    BOB,
    a_conversation,
    a_final_state,
    a_message_id,
    a_read,
    a_reader,
    a_turn,
    an_owner,
    progress,
    text_of,
    wrong_leases,
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
    reopen,
    text_so_far,
)


class CheckpointsContract(StorageHooks):
    """Tests the text that a checkpoint stores and the status that it reports to the owner."""

    async def test_text_is_stored_piece_by_piece(self, storage: Storage) -> None:
        lease = await begin(storage)

        for part in (
            progress(lease, "Hel"),
            progress(lease, "lo", start_offset=3),
            progress(lease, "!", start_offset=5),
        ):
            assert await checkpoint(storage, part) is LeaseStatus.HELD

        assert await text_so_far(storage, lease) == "Hello!"

    async def test_text_is_stored_exactly(self, storage: Storage) -> None:
        lease = await begin(storage)

        await checkpoint(storage, progress(lease, AWKWARD_TEXT))
        await checkpoint(storage, progress(lease, AWKWARD_TEXT, start_offset=len(AWKWARD_TEXT)))

        assert await text_so_far(storage, lease) == AWKWARD_TEXT * 2

    async def test_a_repeat_is_stored_once(self, storage: Storage) -> None:
        lease = await begin(storage)
        for _ in range(2):
            assert await checkpoint(storage, progress(lease, "Hel")) is LeaseStatus.HELD
            assert await checkpoint(storage, progress(lease, "lo", start_offset=3, renew=True)) is LeaseStatus.HELD

        assert await text_so_far(storage, lease) == "Hello"

    async def test_an_empty_part_does_not_stand_in_the_way_of_text(self, storage: Storage) -> None:
        lease = await begin(storage)
        for text, offset in (("", 0), ("Hel", 0), ("", 3), ("", 3), ("lo", 3), ("", 5)):
            assert await checkpoint(storage, progress(lease, text, start_offset=offset)) is LeaseStatus.HELD

        assert await text_so_far(storage, lease) == "Hello"

    async def test_one_checkpoint_serves_replies_of_many_users(self, storage: Storage) -> None:
        owner = an_owner()
        conversations = [await create(storage, user_id) for user_id in (ALICE, BOB, ALICE, BOB)]
        turns = [evolve(a_turn(conversation), owner_id=owner) for conversation in conversations]
        first, deleted, stopped, last = [await begin(storage, turn=turn) for turn in turns]
        await storage.delete_conversation(BOB, deleted.conversation_id)
        await storage.request_stop(ALICE, stopped.conversation_id, stopped.message_id)

        statuses = await storage.checkpoint(
            owner, [progress(lease, str(lease.message_id)) for lease in (first, deleted, stopped, last)]
        )

        assert list(statuses) == [LeaseStatus.HELD, LeaseStatus.LOST, LeaseStatus.STOP_REQUESTED, LeaseStatus.HELD]
        for lease in (first, stopped, last):
            assert await text_so_far(storage, lease) == str(lease.message_id)

    async def test_nothing_to_store_is_no_error(self, storage: Storage) -> None:
        assert list(await storage.checkpoint(an_owner(), [])) == []

    async def test_a_running_reply_has_the_text_that_is_stored_so_far(self, storage: Storage) -> None:
        lease = await begin(storage)

        await checkpoint(storage, progress(lease, "Hello"))

        reply = await message_of(storage, lease)
        assert (reply.content, reply.status) == ("Hello", Status.STREAMING)

    async def test_every_wrong_lease_is_lost_and_stores_nothing(self, storage: Storage) -> None:
        lease = await begin(storage)
        await checkpoint(storage, progress(lease, "Hello"))

        for wrong in wrong_leases(lease):
            assert await checkpoint(storage, progress(wrong, " you", start_offset=5, renew=True)) is LeaseStatus.LOST

        assert await text_so_far(storage, lease) == "Hello"

    async def test_an_ended_reply_is_lost_to_its_owner(self, storage: Storage) -> None:
        lease = await begin(storage)
        await end(storage, lease, a_final_state("Hello"))

        assert await checkpoint(storage, progress(lease, " you", start_offset=5)) is LeaseStatus.LOST

        assert (await message_of(storage, lease)).content == "Hello"
        (read,) = await storage.read_deltas([a_reader(lease)])
        assert (text_of(read), read.is_live) == ("", False)

    async def test_an_expired_lease_holds_until_it_is_taken_over(self, storage: Storage) -> None:
        lease = await begin(storage)
        await self.expire_leases(storage)

        assert await checkpoint(storage, progress(lease, "Hello")) is LeaseStatus.HELD
        await claim(storage, an_owner())
        assert await checkpoint(storage, progress(lease, " you", start_offset=5, renew=True)) is LeaseStatus.LOST

    async def test_a_renewed_lease_is_not_taken_over(self, storage: Storage) -> None:
        kept, lost = await begin(storage), await begin(storage)
        await self.expire_leases(storage)

        await checkpoint(storage, progress(kept, "", renew=True))
        await checkpoint(storage, progress(lost, "text", renew=False))

        assert [lease.message_id for lease in await storage.claim_expired(an_owner(), (), 10)] == [lost.message_id]


class DeltaReadersContract(StorageHooks):
    """Tests that readers on other replicas get the checkpointed text from any offset."""

    async def test_text_is_read_from_any_offset(self, storage: Storage) -> None:
        lease, whole = await _in_pieces(storage)

        reads = await storage.read_deltas([a_reader(lease, offset) for offset in range(len(whole) + 1)])

        assert list(reads) == [
            a_read(whole[offset:], len(whole), is_live=True, generation=1) for offset in range(len(whole) + 1)
        ]

    async def test_no_more_is_read_than_the_reader_has_room_for(self, storage: Storage) -> None:
        lease, whole = await _in_pieces(storage)
        stretches = [(offset, room) for offset in range(len(whole) + 2) for room in range(1, len(whole) + 3)]

        reads = await storage.read_deltas([a_reader(lease, offset, room=room) for offset, room in stretches])

        assert list(reads) == [
            a_read(whole[offset : offset + room], min(len(whole), offset + room), is_live=True, generation=1)
            for offset, room in stretches
        ]

    async def test_a_reader_beyond_the_end_learns_how_much_there_is(self, storage: Storage) -> None:
        lease = await begin(storage)
        assert list(await storage.read_deltas([a_reader(lease, 7)])) == [a_read("", 0, is_live=True, generation=1)]

        await checkpoint(storage, progress(lease, "Hello"))

        assert list(await storage.read_deltas([a_reader(lease, 7)])) == [a_read("", 5, is_live=True, generation=1)]

    async def test_readers_are_answered_in_their_order(self, storage: Storage) -> None:
        alices, bobs = await begin(storage), await begin(storage, await create(storage, BOB))
        await checkpoint(storage, progress(alices, "Alice"))
        await checkpoint(storage, progress(bobs, "Bob"))
        readers = [a_reader(bobs), a_reader(alices, 2), a_reader(bobs), a_reader(alices), a_reader(bobs, 1)]

        reads = await storage.read_deltas(readers)

        assert [text_of(read) for read in reads] == ["Bob", "ice", "Bob", "Alice", "ob"]
        assert [read.end_position for read in reads] == [3, 5, 3, 5, 3]

    async def test_no_readers_are_told_nothing(self, storage: Storage) -> None:
        assert list(await storage.read_deltas([])) == []

    async def test_a_foreign_or_unknown_reply_reads_as_ended_with_no_text(self, storage: Storage) -> None:
        lease = await begin(storage)
        await checkpoint(storage, progress(lease, "secret"))
        reader = a_reader(lease)
        strangers = [
            evolve(reader, user_id=BOB),
            evolve(reader, user_id=BOB, position=3),
            evolve(reader, message_id=a_message_id()),
            evolve(reader, conversation_id=a_conversation().id),
        ]

        reads = await storage.read_deltas([*strangers, reader])

        assert list(reads[:-1]) == [a_read("", 0, is_live=False)] * 4
        assert reads[-1] == a_read("secret", 6, is_live=True, generation=1)

    async def test_an_ended_reply_is_no_longer_live(self, storage: Storage) -> None:
        lease = await begin(storage)
        await checkpoint(storage, progress(lease, "Hello"))
        await end(storage, lease, a_final_state("Hello"))

        (read,) = await storage.read_deltas([a_reader(lease, 2)])

        assert (text_of(read), read.is_live) == ("", False)
        assert (await message_of(storage, lease)).content == "Hello"

    async def test_a_reply_that_changes_hands_stays_readable(self, storage: Storage) -> None:
        lease = await begin(storage)
        await checkpoint(storage, progress(lease, "Hello"))
        await self.expire_leases(storage)

        await claim(storage, an_owner())

        assert await text_so_far(storage, lease) == "Hello"


class StopContract(StorageHooks):
    """Tests that a stop request reaches the owner in any process."""

    async def test_the_owner_learns_at_every_checkpoint_from_then_on(self, storage: Storage) -> None:
        lease = await begin(storage)
        await checkpoint(storage, progress(lease, "Hel"))

        for _ in range(2):
            asked = await storage.request_stop(ALICE, lease.conversation_id, lease.message_id)
            assert asked == await message_of(storage, lease)
            assert asked.status is Status.STREAMING
            assert asked.content == "Hel"

        part = progress(lease, "lo", start_offset=3, renew=True)
        assert [await checkpoint(storage, part) for _ in range(2)] == [LeaseStatus.STOP_REQUESTED] * 2
        assert await text_so_far(storage, lease) == "Hello"

    async def test_an_ended_reply_and_a_users_message_are_left_alone(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Hello", "Hi")
        before = await reopen(storage, conversation)

        for message in before.messages:
            assert await storage.request_stop(ALICE, conversation.id, message.id) == message

        assert await reopen(storage, conversation) == before

    async def test_a_late_request_does_not_stop_the_next_reply(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "Hello", "Hi")
        running = await begin(storage, conversation)

        await storage.request_stop(ALICE, conversation.id, turn.reply.id)

        assert await checkpoint(storage, progress(running, "")) is LeaseStatus.HELD

    async def test_a_foreign_or_unknown_reply_is_not_found_and_not_stopped(self, storage: Storage) -> None:
        lease = await begin(storage)
        for user_id, conversation_id, message_id in (
            (BOB, lease.conversation_id, lease.message_id),
            (ALICE, a_conversation().id, lease.message_id),
            (ALICE, (await create(storage)).id, lease.message_id),
            (ALICE, lease.conversation_id, a_message_id()),
        ):
            with pytest.raises(MessageNotFoundError):
                await storage.request_stop(user_id, conversation_id, message_id)

        assert await checkpoint(storage, progress(lease, "")) is LeaseStatus.HELD


async def _in_pieces(storage: Storage) -> tuple[Lease, str]:
    """Begins a reply and stores its text in several checkpoints; returns the lease and the text of the reply."""
    lease = await begin(storage)
    whole = ""
    for piece in ("a👩‍🚀", "e\u0301\u2028", "xyz", "ß"):
        await checkpoint(storage, progress(lease, piece, start_offset=len(whole)))
        whole += piece
    return lease, whole
