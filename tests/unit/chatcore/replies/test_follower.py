"""Tests readers of finished replies and of replies that another process generates."""

from collections.abc import Sequence

import pytest
from tests.unit.conftest import ADA, World, has_ended, until
from tests.unit.reading import following, rest

from chatcore import ReplyError, Stretch
from chatcore.conversations.message import Message
from chatcore.ports import DeltaRead, DeltaReader
from chatcore.replies.buffered_reader import MAX_BUFFERED_CHARS
from chatcore.replies.lease import LEASE_SECONDS
from chatcore.replies.page_reader import MAX_PAGE_CHARS
from chatcore.replies.transcript import RECONNECT, End
from chatcore.testing.samples import text_of


async def test_a_reader_on_another_process_gets_the_text_and_the_end(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    reader = await following(world.replica(), world, offset=5)
    async with world.chat:
        call.say("Four score")
        await world.clock.elapse(1)
        live = rest(reader)
        call.say(" and seven")
        call.close()
        await until(lambda: has_ended(turn))
        await world.clock.elapse(1)

    assert (live, rest(reader), reader.end) == ("score", " and seven", End())


async def test_a_reader_that_was_shown_more_than_was_stored_rewinds(world: World) -> None:
    await world.send(await world.conversation())
    call = await world.inference.call()
    call.say("stored")
    await world.chat.checkpointer.checkpoint()
    call.say(" and lost")
    other = world.replica()
    reader = await following(other, world, offset=len("stored and lost"))
    async with other.chat:
        await world.clock.elapse(1)
        waiting = (reader.take(), reader.end)
        await world.clock.elapse(LEASE_SECONDS + 7)

    assert waiting == (None, None)
    assert reader.take() == Stretch("", len("stored"))
    assert reader.end == End(ReplyError.INFERENCE_INTERRUPTED)


async def test_a_reader_that_claims_more_than_there_is_rewinds_and_goes_on(world: World) -> None:
    await world.send(await world.conversation())
    call = await world.inference.call()
    reader = await following(world.replica(), world, offset=50)
    async with world.chat:
        call.say("Four")
        await world.clock.elapse(1)
        at_first = reader.take()
        await world.clock.elapse(2)
        back = reader.take()
        call.say(" score")
        await world.clock.elapse(1)
        after = rest(reader)
        call.close()

    assert (at_first, back, after) == (None, Stretch("", 4), " score")


async def test_all_readers_of_a_process_share_one_query_per_poll(world: World) -> None:
    await world.send(await world.conversation())
    other = world.replica()
    asked: list[int] = []
    real = world.storage.read_deltas

    async def read_deltas(readers: Sequence[DeltaReader]) -> Sequence[DeltaRead]:
        asked.append(len(readers))
        return await real(readers)

    world.storage.read_deltas = read_deltas  # type: ignore[method-assign]  # a storage that counts
    readers = [await following(other, world) for _ in range(20)]
    await world.clock.elapse(0.9)
    for reader in readers:
        reader.leave()
    await world.clock.elapse(10)

    assert asked == [1, 20, 20, 20]  # The first reader does not wait for the others.


async def test_a_reader_on_another_process_waits_out_an_outage(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    reader = await following(world.replica(), world)
    async with world.chat:
        world.storage.outage = True
        call.say("a")
        await world.clock.elapse(5)
        world.storage.outage = False
        call.close()
        await world.clock.elapse(2)
        await until(lambda: has_ended(turn))
        await world.clock.elapse(1)

    assert (rest(reader), reader.end) == ("a", End())


async def test_a_reader_on_another_process_learns_of_a_deletion(world: World) -> None:
    conversation = await world.conversation()
    await world.send(conversation)
    other = world.replica()
    reader = await following(other, world)
    await other.chat.conversations.delete(ADA, conversation.id)
    await world.clock.elapse(1)

    assert reader.end == End(ReplyError.STOPPED)


async def test_a_caller_that_has_all_of_a_finished_reply_gets_no_reader(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    call = await world.inference.call()
    call.say("Four")
    call.close()
    await until(lambda: has_ended(turn))

    async def follow(offset: int | None) -> tuple[Stretch | None, End | None] | None:
        reader = await world.chat.turns.follow(ADA, conversation.id, turn.reply.id, offset=offset)
        return None if reader is None else (reader.take(), reader.end)

    assert await follow(None) == (Stretch("Four", 4), End())
    assert await follow(0) == (Stretch("Four", 4), End())
    assert await follow(3) == (Stretch("r", 4), End())
    assert await follow(4) is None
    assert await follow(5) == (Stretch("", 4), End())


async def finished(world: World, text: str) -> Message:
    """Returns a reply that has ended."""
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    call.say(text)
    call.close()
    await until(lambda: has_ended(turn))
    return turn.reply


async def test_a_long_finished_reply_is_read_a_page_at_a_time(world: World) -> None:
    text = "0123456789" * 10_000
    reply = await finished(world, text)
    reader = await world.chat.turns.follow(ADA, reply.conversation_id, reply.id, offset=7)
    assert reader is not None
    stretches: list[Stretch] = []
    while reader.end is None:
        if stretch := reader.take():
            stretches.append(stretch)
        else:
            await reader.wait()

    assert "".join(stretch.text for stretch in stretches) == text[7:]
    assert [stretch.end_offset for stretch in stretches][-1] == len(text)
    assert max(len(stretch.text) for stretch in stretches) == MAX_PAGE_CHARS
    assert reader.end == End()


async def test_a_later_page_does_not_fetch_the_whole_reply(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reply = await finished(world, "0123456789" * 100_000)
    reader = await world.chat.turns.follow(ADA, reply.conversation_id, reply.id)
    assert reader is not None
    fetched = list[object]()
    monkeypatch.setattr(world.storage, "get_message", lambda *call: fetched.append(call))
    count = 0
    while reader.end is None:
        if stretch := reader.take():
            count += len(stretch.text)
        else:
            await reader.wait()

    assert (count, fetched) == (1_000_000, [])


async def test_a_reader_whose_next_page_is_unavailable_must_reconnect(world: World) -> None:
    reply = await finished(world, "0123456789" * 10_000)
    reader = await world.chat.turns.follow(ADA, reply.conversation_id, reply.id)
    assert reader is not None
    first = reader.take()
    world.storage.outage = True
    before = reader.end
    await reader.wait()

    assert first is not None
    assert (before, reader.take(), reader.end) == (None, None, RECONNECT)


async def test_a_slow_reader_buffers_up_to_a_bound_and_gets_all_in_the_end(world: World) -> None:
    turn = await world.send(await world.conversation())
    call = await world.inference.call()
    fetched: list[str] = []
    rooms: list[int] = []
    real = world.storage.read_deltas

    async def read_deltas(readers: Sequence[DeltaReader]) -> Sequence[DeltaRead]:
        reads = await real(readers)
        rooms.extend(reader.room for reader in readers)
        fetched.extend(text_of(read) for read in reads)
        return reads

    world.storage.read_deltas = read_deltas  # type: ignore[method-assign]  # a storage that keeps what it sent
    reader = await following(world.replica(), world)
    async with world.chat:
        for _ in range(5):
            call.say("0123456789" * 2000)
            await world.clock.elapse(1)
        call.close()
        await until(lambda: has_ended(turn))
        await world.clock.elapse(1)
        pieces = [rest(reader)]
        for _ in range(5):
            await world.clock.elapse(1)
            pieces.append(rest(reader))

    assert len("".join(fetched)) == len(pieces[0]) == MAX_BUFFERED_CHARS
    assert min(rooms) >= 1
    assert "".join(pieces) == "0123456789" * 10_000
    assert reader.end == End()


async def test_a_failed_reply_reports_its_reason_until_the_caller_knows_it(world: World) -> None:
    conversation = await world.conversation()
    turn = await world.send(conversation)
    (await world.inference.call()).result.set_result(None)
    await until(lambda: has_ended(turn))

    reader = await world.chat.turns.follow(ADA, conversation.id, turn.reply.id)
    again = await world.chat.turns.follow(ADA, conversation.id, turn.reply.id, offset=0)
    knowing = await world.chat.turns.follow(ADA, conversation.id, turn.reply.id, offset=0, knows_end=True)

    assert reader is not None
    assert again is not None
    assert (reader.take(), reader.end) == (None, End(ReplyError.INFERENCE_INTERRUPTED))
    assert (again.take(), again.end) == (None, End(ReplyError.INFERENCE_INTERRUPTED))
    assert knowing is None
