"""A transcript and its readers."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from chatcore.message import ReplyError
from chatcore.ports import Frame
from chatcore.readers import (
    MAX_NEWS_BYTES,
    MAX_NEWS_CHARS,
    FrameReader,
    MailboxReader,
    Reader,
    Stretch,
    TextReader,
)
from chatcore.transcript import RECONNECT, End, Transcript


def frame(token: str) -> Frame:
    return Frame(b'data: {"token":"' + token.encode() + b'"}\n\n', token)


CLOSING = Frame(b'data: {"done":true}\n\n', is_closing=True)


def transcript(*tokens: str) -> Transcript:
    made = Transcript()
    for token in tokens:
        made.append(frame(token))
    return made


def test_a_frame_reader_gets_every_byte_in_order_and_each_once() -> None:
    made = transcript("Hel", "lo")
    reader = FrameReader(made)

    first = reader.take()
    made.append(Frame(b": ping\r\n\r\n"))

    assert first == frame("Hel").raw + frame("lo").raw
    assert reader.take() == b": ping\r\n\r\n"
    assert reader.take() == b""


def test_the_closing_frame_is_withheld_until_the_reply_is_saved() -> None:
    made = transcript("a")
    reader = FrameReader(made)
    made.append(CLOSING)

    before = (reader.take(), reader.end)
    made.finish(End())

    assert before == (frame("a").raw, None)
    assert (reader.take(), reader.end) == (CLOSING.raw, End())


def test_readers_that_must_come_back_never_see_the_closing_frame() -> None:
    made = transcript("a")
    made.append(CLOSING)

    made.finish(RECONNECT)

    assert made.frames() == frame("a").raw


def test_nothing_is_taken_after_the_closing_frame() -> None:
    made = transcript("a")
    made.append(CLOSING)
    made.append(frame("b"))
    made.finish(End())

    assert made.text() == "a"
    assert made.frames() == frame("a").raw + CLOSING.raw


def test_a_closing_frame_may_carry_a_token() -> None:
    made = transcript("a")
    made.append(Frame(b'data: {"token":"b","done":true}\n\n', "b", is_closing=True))

    assert (made.text(), made.token_count) == ("ab", 2)


def test_the_first_end_counts() -> None:
    made = transcript()
    made.finish(End(ReplyError.STOPPED))
    made.finish(End())

    assert made.end == End(ReplyError.STOPPED)


def test_text_is_read_from_any_code_point_on() -> None:
    made = transcript("añ", "😀b")
    assert made.text() == "añ😀b"
    made.append(frame("c"))

    assert [made.text(offset) for offset in range(7)] == ["añ😀bc", "ñ😀bc", "😀bc", "bc", "c", "", ""]
    assert made.length == 5


def test_half_a_character_waits_for_its_other_half_and_not_for_ever() -> None:
    made = transcript()
    made.append(Frame(b"1", "a\ud83d"))
    assert made.text() == "a"

    made.seal()

    assert made.text() == "a\ufffd"


def test_a_text_reader_gets_what_it_has_not_seen() -> None:
    made = transcript("Hel", "lo")
    reader = TextReader(made, 2)

    first = reader.take()
    made.append(frame(" world"))

    assert first == Stretch("llo", 5)
    assert reader.take() == Stretch(" world", 11)
    assert reader.take() is None


def test_a_text_reader_that_was_shown_more_than_there_is_is_told_to_step_back() -> None:
    made = transcript("Hello")
    reader = TextReader(made, 9)

    stretch = reader.take()
    made.append(frame("!"))

    assert stretch == Stretch("", 5)
    assert stretch.is_rewind
    assert reader.take() == Stretch("!", 6)


def test_however_much_there_is_a_reader_takes_so_much_at_once_and_all_in_the_end() -> None:
    made = transcript(*["x" * 50_000, "é" * 50_000, "😀" * 50_000])
    frames, text = list(iter(FrameReader(made).take, b"")), list(iter(TextReader(made, 7).take, None))

    assert b"".join(frames) == made.frames()
    assert "".join(stretch.text for stretch in text) == made.text(7)
    assert [stretch.end_offset for stretch in text[-2:]] == [text[-1].end_offset - len(text[-1].text), made.length]
    assert max(map(len, frames)) == MAX_NEWS_BYTES
    assert max(len(stretch.text) for stretch in text) == MAX_NEWS_CHARS


@pytest.mark.parametrize("kind", [FrameReader, partial(TextReader, offset=0)])
async def test_what_news_leave_behind_is_not_left_to_the_next(kind: Callable[[Transcript], Reader[bytes]]) -> None:
    made = Transcript()
    reader = kind(made)
    reader.offer(lambda: bool(reader.take()))
    wait = asyncio.ensure_future(reader.wait())
    await asyncio.sleep(0)

    made.append(frame("x" * 100_000))
    async with asyncio.timeout(1):
        await wait

    assert reader.take()


def test_frames_without_text_are_no_news_for_a_text_reader() -> None:
    made = transcript("a")
    reader = TextReader(made, 1)
    made.append(Frame(b'data: {"gpu":1}\n\n'))

    assert reader.take() is None


async def test_all_waiting_readers_are_woken_by_the_next_frame_and_by_the_end() -> None:
    made = transcript()
    readers = [FrameReader(made), FrameReader(made), TextReader(made, 0)]
    waits = [asyncio.ensure_future(reader.wait()) for reader in readers]
    await asyncio.sleep(0)

    made.append(frame("a"))
    await asyncio.gather(*waits)
    again = [asyncio.ensure_future(reader.wait()) for reader in readers]
    await asyncio.sleep(0)
    made.finish(End())
    await asyncio.gather(*again)

    assert [reader.end for reader in readers] == [End()] * 3


async def test_a_cancelled_wait_harms_nobody() -> None:
    made = transcript()
    gone, here = FrameReader(made), FrameReader(made)
    waits = [asyncio.ensure_future(reader.wait()) for reader in (gone, here)]
    await asyncio.sleep(0)

    waits[0].cancel()
    made.append(frame("a"))
    await waits[1]

    assert here.take() == frame("a").raw


async def test_a_waiting_reader_can_be_woken_without_news() -> None:
    for reader in (FrameReader(transcript()), TextReader(transcript(), 0), MailboxReader(0)):
        wait = asyncio.ensure_future(reader.wait())
        await asyncio.sleep(0)
        reader.wake()
        await wait
        assert not reader.take()


def test_a_mailbox_gives_what_was_put_in_and_then_the_rest() -> None:
    reader = MailboxReader(2)
    reader.put("llo")
    reader.put("")
    reader.finish("Hello world", End())

    assert [reader.take(), reader.take(), reader.take()] == [Stretch("llo", 5), Stretch(" world", 11), None]
    assert reader.end == End()


def test_a_mailbox_steps_back_when_less_survived_than_was_shown() -> None:
    reader = MailboxReader(9)
    reader.finish("Hello", End(ReplyError.INFERENCE_INTERRUPTED))

    assert reader.take() == Stretch("", 5)
    assert reader.take() is None


def test_a_mailbox_that_is_full_has_only_an_end() -> None:
    reader = MailboxReader(5)
    reader.finish("Hello", End())

    assert (reader.take(), reader.end) == (None, End())
