"""Tests what a transcript records, keeps and publishes."""

from tests.unit.token_frames import CLOSING, frame
from tests.unit.transcripts import FILLING, frame_reader, transcript

from chatcore.conversations.log import Piece
from chatcore.conversations.parts import MAX_DATA_PARTS, Part, PartKind
from chatcore.ports import Frame
from chatcore.replies.frame_buffer import MAX_CHUNK_BYTES
from chatcore.replies.readers import FrameReader
from chatcore.replies.transcript import RECONNECT, End, Listener, Transcript
from chatcore.reply_error import ReplyError


def test_frames_are_kept_for_more_than_one_reader_only_if_repeatable() -> None:
    once, repeatable = Transcript(), Transcript(is_repeatable=True)
    for made in (once, repeatable):
        made.append(frame("a"))
        frame_reader(made)
        made.append(frame("b"))

    assert FrameReader.of(once) is None
    assert frame_reader(repeatable).take() == frame("a").raw + frame("b").raw


def test_frames_that_nobody_reads_are_kept_up_to_a_bound() -> None:
    made = transcript()
    for small in FILLING:
        made.append(Frame(small))
    at_the_bound = FrameReader.of(made)
    made.append(Frame(b"x"))

    assert at_the_bound is not None
    assert FrameReader.of(made) is None


def test_frames_that_arrive_together_are_published_together_at_the_end_too() -> None:
    made = transcript()
    reader = frame_reader(made)
    for token in "ab":
        made.append(Frame(frame(token).raw, token, has_successor=True))
    before = reader.take()
    made.append(CLOSING)

    assert before == b""
    assert reader.take() == frame("a").raw + frame("b").raw
    assert made.text() == "ab"


class Chunks(Listener):
    """Collects what a transcript publishes."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    def on_chunk(self, frames: bytes) -> None:
        self.chunks.append(frames)

    def on_end(self, frames: bytes) -> None:
        self.chunks.append(frames)


def test_frames_that_arrive_together_are_published_in_chunks_of_a_bounded_size() -> None:
    made = Transcript()
    listener = Chunks()
    made.subscribe(listener)
    pieces = [bytes([65 + number]) * (MAX_CHUNK_BYTES // 2) for number in range(5)]
    for piece in pieces[:-1]:
        made.append(Frame(piece, has_successor=True))
    made.append(Frame(pieces[-1]))

    assert listener.chunks == [pieces[0] + pieces[1], pieces[2] + pieces[3], pieces[4]]


def test_the_closing_frame_is_withheld_until_the_reply_is_stored() -> None:
    made = transcript("a")
    reader = frame_reader(made)
    made.append(CLOSING)

    before = (reader.take(), reader.end)
    made.finish(End())

    assert before == (frame("a").raw, None)
    assert (reader.take(), reader.end) == (CLOSING.raw, End())


def test_readers_that_must_reconnect_never_see_the_closing_frame() -> None:
    made = transcript("a")
    made.append(CLOSING)

    made.finish(RECONNECT)

    assert frame_reader(made).take() == frame("a").raw


def test_readers_of_a_reply_deleted_at_its_end_get_no_closing_frame() -> None:
    made = transcript("a")
    reader = frame_reader(made)
    made.append(CLOSING)

    made.finish(End(ReplyError.STOPPED))

    assert reader.take() == frame("a").raw


def test_a_closing_frame_that_reports_an_error_comes_once_the_reply_is_stored() -> None:
    made = transcript("a")
    reader = frame_reader(made)
    closing = b'data: {"error":"out of memory","done":true}\n\n'
    made.append(Frame(closing, is_closing=True))

    before = reader.take()
    made.finish(End(ReplyError.INFERENCE_ERROR))

    assert before == frame("a").raw
    assert reader.take() == closing


def test_no_frame_is_accepted_after_the_closing_frame() -> None:
    made = transcript("a")
    made.append(CLOSING)
    made.append(frame("b"))
    made.finish(End())

    assert made.text() == "a"
    assert frame_reader(made).take() == frame("a").raw + CLOSING.raw


def test_a_closing_frame_may_carry_a_token() -> None:
    made = transcript("a")
    made.append(Frame(b'data: {"token":"b","done":true}\n\n', "b", is_closing=True))

    assert (made.text(), made.token_count) == ("ab", 2)


def test_the_first_end_counts() -> None:
    made = transcript()
    made.finish(End(ReplyError.STOPPED))
    made.finish(End())

    assert made.end == End(ReplyError.STOPPED)


def test_text_can_be_read_from_any_code_point_on() -> None:
    made = transcript("añ", "😀b")
    assert made.text() == "añ😀b"
    made.append(frame("c"))

    assert [made.text(offset) for offset in range(7)] == ["añ😀bc", "ñ😀bc", "😀bc", "bc", "c", "", ""]
    assert made.length == 5


def test_a_high_surrogate_is_held_back_until_the_end_at_most() -> None:
    made = transcript()
    made.append(Frame(b"1", "a\ud83d"))
    assert made.text() == "a"

    made.seal()

    assert made.text() == "a\ufffd"


def test_every_part_is_recorded_in_order_and_its_frame_relayed_unchanged() -> None:
    made = Transcript()
    reader = frame_reader(made)
    frames = [
        Frame(b"1", part=Part(PartKind.REASONING, "Hm.")),
        Frame(b"2", "It is"),
        Frame(b"3", part=Part(PartKind.DATA, '{"a":1}')),
        Frame(b"4", " 4."),
    ]
    for each in frames:
        made.append(each)

    assert reader.take() == b"1234"
    assert made.text() == "It is 4."
    assert made.log.pieces() == (
        Piece(0, 0, PartKind.REASONING, "Hm."),
        Piece(8, 5, PartKind.DATA, '{"a":1}'),
    )
    assert made.length == len("Hm." + "It is 4." + '{"a":1}')


def test_data_beyond_the_limit_is_relayed_and_not_recorded() -> None:
    made = Transcript()
    reader = frame_reader(made)
    for _ in range(MAX_DATA_PARTS + 1):
        made.append(Frame(b"d", part=Part(PartKind.DATA, "{}")))
    made.append(frame("Hi"))

    assert reader.take() == b"d" * (MAX_DATA_PARTS + 1) + frame("Hi").raw
    assert len(made.log.pieces()) == MAX_DATA_PARTS
    assert made.text() == "Hi"
