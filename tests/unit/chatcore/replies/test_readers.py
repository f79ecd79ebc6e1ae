"""Tests the readers of a transcript: what they take, and when they are woken."""

import asyncio

import pytest
from tests.unit.settling import settle
from tests.unit.token_frames import frame
from tests.unit.transcripts import FILLING, buffer_of, frame_reader, transcript

from chatcore.conversations.log import Stretch
from chatcore.conversations.parts import Part, PartKind
from chatcore.ports import Frame
from chatcore.replies.buffered_reader import BufferedReader
from chatcore.replies.frame_buffer import MAX_CHUNK_BYTES, MAX_KEPT_FRAME_BYTES, MAX_KEPT_LARGE_FRAME_BYTES
from chatcore.replies.readers import MAX_CHUNK_CHARS, FrameReader, LogReader
from chatcore.replies.transcript import RECONNECT, End, Transcript


def test_a_frame_reader_gets_every_byte_once_and_in_order() -> None:
    made = transcript("Hel", "lo")
    reader = frame_reader(made)

    first = reader.take()
    made.append(Frame(b": ping\r\n\r\n"))

    assert first == frame("Hel").raw + frame("lo").raw
    assert reader.take() == b": ping\r\n\r\n"
    assert reader.take() == b""


def test_a_reader_that_falls_too_far_behind_must_reconnect() -> None:
    made = transcript()
    slow, quick = frame_reader(made), frame_reader(made)
    for small in FILLING:
        made.append(Frame(small))
    was_enough = sum(map(len, iter(quick.take, b"")))
    made.append(frame("a"))
    made.append(frame("b"))

    assert was_enough == MAX_KEPT_FRAME_BYTES
    assert (slow.end, quick.end) == (RECONNECT, None)
    assert b"".join(iter(slow.take, b"")) == b"".join(FILLING)
    assert quick.take() == frame("a").raw + frame("b").raw


def test_a_reader_that_has_left_receives_nothing() -> None:
    made = transcript()
    gone = frame_reader(made)
    gone.leave()
    gone.leave()
    made.append(frame("a"))

    assert gone.take() == b""


def test_a_text_reader_gets_the_text_it_has_not_seen() -> None:
    made = transcript("Hel", "lo")
    reader = LogReader(made, 2)

    first = reader.take()
    made.append(frame(" world"))

    assert first == Stretch("llo", 5)
    assert reader.take() == Stretch(" world", 11)
    assert reader.take() is None


def test_a_reader_of_the_log_gets_every_part_live_and_from_any_position() -> None:
    made = transcript()
    reader = LogReader(made, 0)
    made.append(Frame(b"", part=Part(PartKind.REASONING, "Hm.")))
    live = [reader.take()]
    made.append(frame("It is"))
    made.append(Frame(b"", part=Part(PartKind.DATA, '{"a":1}')))
    live += [reader.take(), reader.take(), reader.take()]
    late = LogReader(made, 2)

    assert live == [
        Stretch("Hm.", 3, PartKind.REASONING),
        Stretch("It is", 8),
        Stretch('{"a":1}', 15, PartKind.DATA),
        None,
    ]
    assert [late.take(), late.take()] == [Stretch(".", 3, PartKind.REASONING), Stretch("It is", 8)]


def test_a_text_reader_that_was_shown_more_than_there_is_rewinds() -> None:
    made = transcript("Hello")
    reader = LogReader(made, 9)

    stretch = reader.take()
    made.append(frame("!"))

    assert stretch == Stretch("", 5)
    assert stretch.is_rewind
    assert reader.take() == Stretch("!", 6)


def test_a_reader_takes_a_bounded_chunk_at_once_and_all_in_the_end() -> None:
    made = transcript(*["x" * 30_000, "é" * 30_000, "😀" * 30_000])
    frames = list(iter(FrameReader(made, buffer_of(*[frame("hello").raw] * 5_000)).take, b""))
    text = list(iter(LogReader(made, 7).take, None))

    assert b"".join(frames) == frame("hello").raw * 5_000
    assert "".join(stretch.text for stretch in text) == made.text(7)
    assert [stretch.end_offset for stretch in text[-2:]] == [text[-1].end_offset - len(text[-1].text), made.length]
    assert MAX_CHUNK_BYTES - len(frame("hello").raw) < max(map(len, frames)) <= MAX_CHUNK_BYTES
    assert max(len(stretch.text) for stretch in text) == MAX_CHUNK_CHARS


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_no_frame_is_split_however_large_it_is(line_end: bytes) -> None:
    made = Transcript()
    reader = frame_reader(made)
    sizes = (1, 60_000, 5_000, 20_000, 10, 30_000, 1)
    replayed = (1, 90_000, 1_000)
    raws = {size: frame("x" * size).raw.replace(b"\n", line_end) for size in (*sizes, *replayed)}
    late = FrameReader(made, buffer_of(*(raws[size] for size in replayed)))
    for size in sizes:
        made.append(Frame(raws[size], "x" * size))

    for one, expected in ((reader, sizes), (late, replayed + sizes)):
        whole = [b"".join(raws[size] for size in expected[:count]) for count in range(len(expected) + 1)]
        taken = b""
        while chunk := one.take():
            taken += chunk
            assert taken in whole
        assert taken == whole[-1]


async def test_a_frame_larger_than_the_buffer_reaches_a_reader_that_reads() -> None:
    made = Transcript()
    reader = frame_reader(made)
    reader.offer(lambda _: True)
    large = b"data: " + b"x" * 2 * MAX_KEPT_LARGE_FRAME_BYTES + b"\n\n"
    for _ in range(3):
        wait = asyncio.ensure_future(reader.wait())
        await asyncio.sleep(0)

        made.append(Frame(large))
        async with asyncio.timeout(1):
            await wait

        assert reader.take() == large
        assert reader.end is None


def test_the_closing_frame_finds_room_behind_frames_that_fill_the_buffer() -> None:
    made = Transcript()
    reader = frame_reader(made)
    for small in FILLING:
        made.append(Frame(small))
    made.append(Frame(b"done", is_closing=True))
    made.finish(End())

    assert b"".join(iter(reader.take, b"")) == b"".join(FILLING) + b"done"
    assert reader.end == End()


async def test_text_too_long_for_one_chunk_does_not_wait_for_the_next_frame() -> None:
    made = Transcript()
    reader = LogReader(made, 0)
    reader.offer(lambda _: True)
    wait = asyncio.ensure_future(reader.wait())
    await asyncio.sleep(0)

    made.append(frame("x" * 100_000))
    async with asyncio.timeout(1):
        await wait

    assert reader.take()


def test_frames_without_text_give_a_text_reader_nothing() -> None:
    made = transcript("a")
    reader = LogReader(made, 1)
    made.append(Frame(b'data: {"gpu":1}\n\n'))

    assert reader.take() is None


async def test_all_waiting_readers_are_woken_by_the_next_frame_and_by_the_end() -> None:
    made = transcript()
    readers: list[FrameReader | LogReader] = [frame_reader(made), frame_reader(made), LogReader(made, 0)]
    waits = [asyncio.ensure_future(reader.wait()) for reader in readers]
    await asyncio.sleep(0)

    made.append(frame("a"))
    await asyncio.gather(*waits)
    again = [asyncio.ensure_future(reader.wait()) for reader in readers]
    await asyncio.sleep(0)
    made.finish(End())
    await asyncio.gather(*again)

    assert [reader.end for reader in readers] == [End()] * 3


async def test_a_cancelled_wait_does_not_affect_other_readers() -> None:
    made = transcript()
    gone, here = frame_reader(made), frame_reader(made)
    waits = [asyncio.ensure_future(reader.wait()) for reader in (gone, here)]
    await asyncio.sleep(0)

    waits[0].cancel()
    made.append(frame("a"))
    await waits[1]

    assert here.take() == frame("a").raw


async def test_a_waiting_reader_can_be_woken_without_a_chunk() -> None:
    for reader in (frame_reader(transcript()), LogReader(transcript(), 0), BufferedReader(0)):
        wait = asyncio.ensure_future(reader.wait())
        await asyncio.sleep(0)
        reader.wake()
        await wait
        assert not reader.take()


async def test_a_chunk_that_is_written_at_once_wakes_no_task() -> None:
    made = Transcript()
    reader = LogReader(made, 0)
    shown: list[str] = []

    def show(chunk: Stretch) -> bool:
        shown.append(chunk.text)
        return len(shown) < 3

    reader.offer(show)
    wait = asyncio.ensure_future(reader.wait())
    await settle()
    for token in ("a", "b"):
        made.append(frame(token))
        await settle()
    still_waits = not wait.done()
    made.append(frame("c"))
    await wait

    assert (shown, still_waits) == (["a", "b", "c"], True)
    assert reader.take() == Stretch("c", 3)


async def test_a_reader_woken_in_between_is_offered_each_chunk_once() -> None:
    made = Transcript()
    reader = FrameReader(made, buffer_of())
    offers: list[bytes] = []

    def show(frames: bytes) -> bool:
        offers.append(frames)
        return True

    reader.offer(show)
    for _ in range(3):
        wait = asyncio.ensure_future(reader.wait())
        await settle()
        reader.wake()
        await wait
    wait = asyncio.ensure_future(reader.wait())
    await settle()
    made.append(frame("a"))

    assert offers == [frame("a").raw]
    wait.cancel()
