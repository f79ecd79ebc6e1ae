"""Tests that the splitter finds the same events in any chunks and loses no byte."""

import itertools

import pytest
from hypothesis import given
from tests.unit.adapters.chatcore_inference.http.sse_streams import CUTS, STREAMS, in_chunks

from chatcore.errors import InferenceRefusedError
from chatcore_inference.http.sse import EventSplitter


def events_of(*chunks: bytes, max_frame_bytes: int = 1000) -> list[bytes]:
    splitter = EventSplitter(max_frame_bytes)
    frames = [frame for chunk in chunks for frame in splitter.feed(chunk)]
    last = splitter.flush()
    return [*frames, last] if last else frames


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_a_blank_line_closes_a_frame_whatever_ends_lines(end: bytes) -> None:
    first, second = b"event: a" + end + b"data: 1" + end + end, b"data: 2" + end + end

    assert events_of(first + second + b"data: unfinished" + end) == [first, second]


@pytest.mark.parametrize(
    "blank",
    [a + b for a, b in itertools.product((b"\n", b"\r\n", b"\r"), repeat=2) if a + b != b"\r\n"],
    ids=repr,
)
def test_line_ends_may_be_mixed(blank: bytes) -> None:
    assert events_of(b"data: 1" + blank + b"data: 2\n\n") == [b"data: 1" + blank, b"data: 2\n\n"]


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_tiny_chunks_make_no_difference(size: int, end: bytes) -> None:
    frames = [b"data: " + text.encode() + end + end for text in ("Grüße", "🎉", "")]
    body = b"".join(frames)

    assert events_of(*(body[i : i + size] for i in range(0, len(body), size))) == frames


def test_one_crlf_is_one_line_end_wherever_it_is_cut() -> None:
    assert events_of(b"data: a\r", b"\ndata: b\r\n\r", b"\n") == [b"data: a\r\ndata: b\r\n\r\n"]


def test_a_frame_that_ends_with_cr_waits_for_the_next_byte() -> None:
    splitter = EventSplitter(1000)

    assert list(splitter.feed(b"data: a\r\r")) == []
    assert list(splitter.feed(b"data: b")) == [b"data: a\r\r"]


def test_a_frame_that_ends_with_cr_is_complete_at_the_end_of_input() -> None:
    assert events_of(b"data: a\r\r") == [b"data: a\r\r"]


def test_what_the_input_leaves_unfinished_is_dropped() -> None:
    assert events_of(b"data: a\n\ndata: b\n") == [b"data: a\n\n"]


def test_a_blank_line_alone_is_a_frame_so_that_no_byte_is_lost() -> None:
    assert events_of(b"\n\r\n\rdata: a\n\n\n") == [b"\n", b"\r\n", b"\r", b"data: a\n\n", b"\n"]


def test_a_leading_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert events_of(b"\xef\xbb\xbf\ndata: a\n\n") == [b"\xef\xbb\xbf\n", b"data: a\n\n"]
    assert events_of(b"data: a\n\n\xef\xbb\xbf\n\n") == [b"data: a\n\n", b"\xef\xbb\xbf\n\n"]


@pytest.mark.parametrize("sizes", [(20,), (1,) * 20, (19, 1)], ids=["at once", "one by one", "all but one"])
def test_a_frame_may_be_as_large_as_permitted_and_no_larger(sizes: tuple[int, ...]) -> None:
    frame = b": " + b"x" * 16 + b"\n\n"
    chunks = in_chunks(frame, list(itertools.accumulate(sizes)))

    assert events_of(*chunks, max_frame_bytes=20) == [frame]
    with pytest.raises(InferenceRefusedError):
        events_of(*chunks, max_frame_bytes=19)


def test_the_frames_before_one_that_is_too_large_are_given() -> None:
    frames = EventSplitter(10).feed(b"data: a\n\ndata: bbbbbbb\n\n")

    assert next(frames) == b"data: a\n\n"
    with pytest.raises(InferenceRefusedError):
        next(frames)


def test_a_frame_that_never_ends_is_refused_before_it_fills_the_memory() -> None:
    splitter = EventSplitter(100_000)

    drip = (frame for _ in range(200_000) for frame in splitter.feed(b"x"))
    with pytest.raises(InferenceRefusedError):
        list(drip)
    assert len(splitter.pending) == 100_001


def test_every_short_stream_gives_the_same_events_whole_and_byte_by_byte_and_cut_once() -> None:
    for pieces in itertools.product((b"\n", b"\r", b"x", b": "), repeat=5):
        body = b"".join(pieces)
        whole = events_of(body)
        assert [events_of(body[:at], body[at:]) for at in range(1, len(body))] == [whole] * (len(body) - 1), body
        assert events_of(*in_chunks(body, list(range(len(body))))) == whole, body


@given(STREAMS, CUTS)
def test_any_chunking_gives_the_events_of_the_whole(body: bytes, cuts: list[int]) -> None:
    assert events_of(*in_chunks(body, cuts)) == events_of(body)


@given(STREAMS)
def test_the_frames_are_the_input_up_to_the_last_blank_line(body: bytes) -> None:
    frames = events_of(body)
    whole = b"".join(frames)

    assert body.startswith(whole)
    assert events_of(b"x\n\n" + body[len(whole) :]) == [b"x\n\n"] or not whole
    assert all(frame.endswith((b"\n", b"\r")) for frame in frames)
