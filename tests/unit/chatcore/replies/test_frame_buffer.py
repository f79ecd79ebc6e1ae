"""Tests the buffer of frames: whole frames come out in order, within the bounds."""

from hypothesis import given
from hypothesis.strategies import integers, lists

from chatcore.replies.frame_buffer import MAX_CHUNK_BYTES, MAX_KEPT_FRAME_BYTES, FrameBuffer


def _buffer(*frames: bytes) -> FrameBuffer:
    buffer = FrameBuffer()
    for frame in frames:
        buffer.append(frame)
    return buffer


def _all(buffer: FrameBuffer) -> list[bytes]:
    return list(iter(buffer.take, b""))


@given(lists(integers(min_value=0, max_value=MAX_CHUNK_BYTES + 10_000), max_size=12))
def test_frames_come_out_whole_and_in_order_until_the_buffer_overflows(sizes: list[int]) -> None:
    fitting = next((n for n in range(len(sizes)) if sum(sizes[: n + 1]) > MAX_KEPT_FRAME_BYTES), len(sizes))
    frames = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    buffer = _buffer(*frames)

    chunks = _all(buffer)

    frame_ends = {sum(sizes[:count]) for count in range(fitting + 1)}
    assert buffer.has_overflowed == (fitting < len(sizes))
    assert b"".join(chunks) == b"".join(frames[:fitting])
    assert {sum(map(len, chunks[:count])) for count in range(len(chunks) + 1)} <= frame_ends
    assert all(len(chunk) <= max(MAX_CHUNK_BYTES, *sizes) for chunk in chunks)


def test_small_frames_share_a_chunk() -> None:
    assert _all(_buffer(b"a", b"b", b"c")) == [b"abc"]


def test_an_empty_frame_hides_no_frame_behind_it() -> None:
    large = b"x" * (MAX_CHUNK_BYTES + 1)

    assert _all(_buffer(b"", large)) == [large]


def test_taking_a_chunk_frees_its_room() -> None:
    half = b"x" * (MAX_KEPT_FRAME_BYTES // 2)
    buffer = _buffer(half, half)
    buffer.take()
    buffer.append(half)

    assert not buffer.has_overflowed
    assert _all(buffer) == [half, half]


def test_no_frame_is_accepted_after_one_was_dropped() -> None:
    buffer = _buffer(b"x" * MAX_KEPT_FRAME_BYTES, b"dropped")
    buffer.take()
    buffer.append(b"late")

    assert buffer.has_overflowed
    assert buffer.take() == b""


def test_a_copy_is_independent() -> None:
    buffer = _buffer(b"x" * MAX_CHUNK_BYTES, b"frame")
    copy = buffer.copy()
    copy.append(b"more")

    assert _all(buffer) == [b"x" * MAX_CHUNK_BYTES, b"frame"]
    assert _all(copy) == [b"x" * MAX_CHUNK_BYTES, b"framemore"]
