"""Tests the storage's promises about what replies have besides their text."""

import pytest
from attrs import evolve

from chatcore.conversations.log import Piece, Stretch, bytes_of
from chatcore.conversations.message import Status
from chatcore.conversations.parts import Part, PartKind
from chatcore.conversations.path import MAX_SLICE_BYTES, WHOLE_PATH
from chatcore.errors import MessageNotFoundError
from chatcore.ports import Storage
from chatcore.replies.lease import Lease, LeaseStatus
from chatcore.testing.samples import (
    ALICE,
    BOB,
    a_conversation,
    a_failure,
    a_final_state,
    a_message_id,
    a_reader,
    a_regeneration,
    a_turn,
    an_owner,
    progress,
)
from chatcore.testing.storage.path_steps import read_path
from chatcore.testing.storage.piece_steps import (
    CALL,
    LENGTH,
    PIECES,
    RESULT,
    SECOND,
    TEXT,
    THOUGHT,
    a_final_state_with_pieces,
    run_with_pieces,
)
from chatcore.testing.storage.steps import StorageHooks, begin, checkpoint, claim, create, end, lease_of, message_of

_PARTS = (
    Part(PartKind.REASONING, THOUGHT.body),
    Part(PartKind.TEXT, "Hello"),
    Part(PartKind.DATA, CALL.body),
    Part(PartKind.REASONING, SECOND.body),
    Part(PartKind.TEXT, "!"),
    Part(PartKind.DATA, RESULT.body),
)


class PiecesContract(StorageHooks):
    """Tests that reasoning and data are stored with the text, in their places."""

    async def test_a_running_reply_has_the_pieces_that_are_stored(self, storage: Storage) -> None:
        lease = await run_with_pieces(storage)

        message = await message_of(storage, lease)

        assert (message.content, message.pieces, message.log_length) == (TEXT, PIECES, LENGTH)
        assert message.parts == _PARTS

    async def test_a_finished_reply_has_all_of_its_pieces(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await run_with_pieces(storage, lease=await begin(storage, conversation), count=2)

        await end(storage, lease, a_final_state_with_pieces(pieces=PIECES[2:]))

        message = await message_of(storage, lease)
        assert (message.content, message.pieces) == (TEXT, PIECES)
        assert (await read_path(storage, conversation))[-1] == message

    async def test_a_reply_of_reasoning_alone_is_kept(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await begin(storage, conversation)

        final_state = evolve(a_final_state(""), pieces=(THOUGHT,), pieces_bytes=bytes_of([THOUGHT]))
        await end(storage, lease, final_state)

        (_, reply) = await read_path(storage, conversation)
        assert (reply.content, reply.pieces, reply.status) == ("", (THOUGHT,), Status.COMPLETE)

    async def test_pieces_that_are_stored_are_not_stored_again(self, storage: Storage) -> None:
        lease = await begin(storage)
        part = evolve(progress(lease, "Hello"), pieces=(THOUGHT, CALL))
        for _ in range(2):
            assert await checkpoint(storage, part) is LeaseStatus.HELD

        await end(storage, lease, a_final_state_with_pieces(pieces=PIECES))

        assert (await message_of(storage, lease)).pieces == PIECES

    async def test_pieces_under_a_lost_lease_are_not_stored(self, storage: Storage) -> None:
        lease = await begin(storage)
        await self.expire_leases(storage)
        present = await claim(storage, an_owner())

        part = evolve(progress(lease, ""), pieces=(THOUGHT,))
        assert await checkpoint(storage, part) is LeaseStatus.LOST
        assert await storage.hand_over(part) is False
        assert await storage.finish(lease, a_final_state_with_pieces(pieces=PIECES)) is False

        assert (await message_of(storage, present)).pieces == ()

    async def test_replies_with_and_without_pieces_are_stored_together(self, storage: Storage) -> None:
        owner_id = an_owner()
        leases: list[Lease] = []
        for user in (ALICE, BOB, ALICE):
            conversation = await create(storage, user)
            leases.append(await begin(storage, conversation, evolve(a_turn(conversation), owner_id=owner_id)))
        plain, other, dull = leases

        statuses = await storage.checkpoint(
            owner_id,
            [
                progress(plain, "Hello"),
                evolve(progress(other, "Hello"), pieces=(THOUGHT, CALL)),
                progress(dull, "", renew=True),
            ],
        )

        assert list(statuses) == [LeaseStatus.HELD] * 3
        found = [(await message_of(storage, lease)).pieces for lease in (plain, other, dull)]
        assert found == [(), (THOUGHT, CALL), ()]

    async def test_a_regeneration_that_fails_returns_to_a_reply_of_data_alone(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await begin(storage, conversation)
        data = Piece(0, 0, PartKind.DATA, "{}")
        await end(storage, first, evolve(a_final_state(""), pieces=(data,), pieces_bytes=2))
        again = lease_of(await storage.begin_regeneration(a_regeneration(conversation)))

        await end(storage, again, evolve(a_failure(), returns_head=True))

        assert (await read_path(storage, conversation))[-1].id == first.message_id


class PieceReadersContract(StorageHooks):
    """Tests that the log is read from any position, running or finished."""

    async def test_the_log_of_a_running_reply_is_read_from_any_position(self, storage: Storage) -> None:
        lease = await run_with_pieces(storage)
        log = (await message_of(storage, lease)).log
        wanted = [(position, room) for position in range(LENGTH + 1) for room in (1, 2, 5, 1000)]

        reads = await storage.read_deltas([a_reader(lease, position, room=room) for position, room in wanted])

        assert [tuple(read.stretches) for read in reads] == [tuple(log.stretches(*place)) for place in wanted]
        assert {read.generation for read in reads} == {1}
        assert [read.end_position for read in reads] == [
            max([position, *(stretch.end_offset for stretch in read.stretches)])
            for (position, _), read in zip(wanted, reads, strict=True)
        ]

    async def test_a_reader_that_has_more_than_is_stored_learns_how_much_there_is(self, storage: Storage) -> None:
        lease = await run_with_pieces(storage, count=2)
        length = CALL.end

        reads = await storage.read_deltas([a_reader(lease, length + beyond) for beyond in range(3)])

        assert [(tuple(read.stretches), read.end_position) for read in reads] == [((), length)] * 3

    async def test_the_log_of_a_finished_reply_is_read_from_any_position(self, storage: Storage) -> None:
        lease = await run_with_pieces(storage)
        for _ in range(2):
            message = await message_of(storage, lease)
            for position in range(LENGTH + 3):
                for room in (1, 2, 5, 1000):
                    read = await storage.read_log(ALICE, lease.conversation_id, lease.message_id, position, room)
                    assert tuple(read) == tuple(message.log.stretches(position, room))
            await storage.finish(lease, a_final_state_with_pieces())

    async def test_the_log_of_a_reply_of_text_alone_is_its_text(self, storage: Storage) -> None:
        lease = await begin(storage)
        await end(storage, lease, a_final_state("Hello 👩‍🚀"))

        reads = [
            await storage.read_log(ALICE, lease.conversation_id, lease.message_id, position, 4)
            for position in (0, 4, 9, 10)
        ]

        assert [list(read) for read in reads] == [[Stretch("Hell", 4)], [Stretch("o 👩‍", 8)], [], []]

    async def test_the_log_of_a_foreign_or_unknown_reply_is_not_read(self, storage: Storage) -> None:
        lease = await run_with_pieces(storage)
        for user_id, conversation_id, message_id in (
            (BOB, lease.conversation_id, lease.message_id),
            (ALICE, a_conversation().id, lease.message_id),
            (ALICE, lease.conversation_id, a_message_id()),
        ):
            with pytest.raises(MessageNotFoundError):
                await storage.read_log(user_id, conversation_id, message_id, 0, 10)

    async def test_a_slice_has_a_message_whole_or_only_the_first_part_of_its_text(self, storage: Storage) -> None:
        large = Piece(0, 0, PartKind.DATA, '{"x":"' + "y" * MAX_SLICE_BYTES + '"}')
        for piece, is_whole in ((THOUGHT, True), (large, False)):
            conversation = await create(storage)
            lease = await begin(storage, conversation)
            for is_running in (True, False):
                await checkpoint(storage, evolve(progress(lease, "Hello"), pieces=(piece,)))
                if not is_running:
                    state = evolve(a_final_state("Hello"), pieces_bytes=bytes_of([piece]))
                    await end(storage, lease, state)

                path = await storage.open_path(ALICE, conversation.id, WHOLE_PATH)
                slices = [path.first]
                slices += [await storage.read_slice(ALICE, conversation.id, key) for key in path.rest]
                tree = [await storage.read_tree(ALICE, conversation.id, after) for after in (0, 1)]

                reply = slices[-1].messages[-1]
                assert (slices[-1].is_whole, reply.content) == (is_whole, "Hello")
                assert reply.pieces == ((piece,) if is_whole else ())
                assert slices[-1].has_pieces
                assert [slice_.messages[-1].pieces for slice_ in tree[1:]] == [reply.pieces]
                assert (tree[1].is_whole, tree[1].has_pieces) == (is_whole, True)
