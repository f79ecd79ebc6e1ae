"""Tests the buffer of frames: whole frames come out in order, within the bounds."""

from hypothesis import given
from hypothesis.strategies import integers, lists
from tests.unit.transcripts import FILLING, buffer_of

from chatcore.replies.frame_buffer import (
    MAX_CHUNK_BYTES,
    MAX_KEPT_FRAME_BYTES,
    MAX_KEPT_LARGE_FRAME_BYTES,
    MAX_SMALL_FRAME_BYTES,
    FrameBuffer,
)


def _all(buffer: FrameBuffer) -> list[bytes]:
    return list(iter(buffer.take, b""))


SMALL = integers(min_value=0, max_value=MAX_SMALL_FRAME_BYTES)
LARGE = integers(min_value=MAX_SMALL_FRAME_BYTES + 1, max_value=1_600_000)


def fits(before: list[int], size: int) -> bool:
    """Returns whether a frame finds room behind these frames in an empty buffer."""
    if size <= MAX_SMALL_FRAME_BYTES:
        return sum(other for other in before if other <= MAX_SMALL_FRAME_BYTES) + size <= MAX_KEPT_FRAME_BYTES
    return sum(other for other in before if other > MAX_SMALL_FRAME_BYTES) < MAX_KEPT_LARGE_FRAME_BYTES


@given(lists(SMALL, max_size=20) | lists(LARGE, max_size=12) | lists(SMALL | LARGE, max_size=20))
def test_frames_come_out_whole_and_in_order_until_the_buffer_overflows(sizes: list[int]) -> None:
    fitting = next((n for n, size in enumerate(sizes) if not fits(sizes[:n], size)), len(sizes))
    frames = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    buffer = buffer_of(*frames)

    chunks = _all(buffer)

    frame_ends = {sum(sizes[:count]) for count in range(fitting + 1)}
    assert buffer.has_overflowed == (fitting < len(sizes))
    assert b"".join(chunks) == b"".join(frames[:fitting])
    assert {sum(map(len, chunks[:count])) for count in range(len(chunks) + 1)} <= frame_ends
    assert all(len(chunk) <= max(MAX_CHUNK_BYTES, *sizes) for chunk in chunks)


def test_small_frames_share_a_chunk() -> None:
    assert _all(buffer_of(b"a", b"b", b"c")) == [b"abc"]


def test_an_empty_frame_hides_no_frame_behind_it() -> None:
    large = b"x" * (MAX_CHUNK_BYTES + 1)

    assert _all(buffer_of(b"", large)) == [large]


def test_taking_a_chunk_frees_its_room() -> None:
    buffer = buffer_of(*FILLING)
    taken = buffer.take()
    buffer.append(FILLING[0])

    assert not buffer.has_overflowed
    assert _all(buffer) == [b"".join(FILLING)[len(taken) :], FILLING[0]]


def test_a_frame_of_any_size_fits_while_there_is_room() -> None:
    huge = b"x" * MAX_KEPT_LARGE_FRAME_BYTES * 2

    buffer = buffer_of(*FILLING, huge)

    assert not buffer.has_overflowed
    assert b"".join(_all(buffer)) == b"".join(FILLING) + huge


def test_copies_share_a_large_frame() -> None:
    large = b"x" * MAX_KEPT_LARGE_FRAME_BYTES
    buffer = buffer_of(large)

    assert buffer.copy().take() is large
    assert buffer.take() is large


def test_the_last_frames_need_no_room() -> None:
    buffer = buffer_of(*FILLING)
    buffer.append_last(b"end")

    assert not buffer.has_overflowed
    assert b"".join(_all(buffer)) == b"".join(FILLING) + b"end"


def test_the_last_frames_do_not_follow_a_gap() -> None:
    buffer = buffer_of(*FILLING, b"dropped")
    buffer.append_last(b"end")

    assert b"".join(_all(buffer)) == b"".join(FILLING)


def test_no_frame_is_accepted_after_one_was_dropped() -> None:
    buffer = buffer_of(*FILLING, b"dropped")
    buffer.take()
    buffer.append(b"late")

    assert buffer.has_overflowed
    assert b"late" not in b"".join(_all(buffer))


def test_a_copy_is_independent() -> None:
    buffer = buffer_of(b"x" * MAX_CHUNK_BYTES, b"frame")
    copy = buffer.copy()
    copy.append(b"more")

    assert _all(buffer) == [b"x" * MAX_CHUNK_BYTES, b"frame"]
    assert _all(copy) == [b"x" * MAX_CHUNK_BYTES, b"framemore"]
