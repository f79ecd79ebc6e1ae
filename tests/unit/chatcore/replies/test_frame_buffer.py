"""Frames that wait for a reader come out in order, and never in parts."""

from hypothesis import given
from hypothesis.strategies import integers, lists

from chatcore.replies.frame_buffer import MAX_CHUNK_BYTES, FrameBuffer


@given(lists(integers(min_value=1, max_value=MAX_CHUNK_BYTES + 10_000), max_size=12))
def test_chunks_are_whole_frames_in_order_and_at_most_so_long(sizes: list[int]) -> None:
    frames = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    buffer = FrameBuffer()
    for frame in frames:
        buffer.append(frame)
    byte_count = buffer.byte_count

    chunks = list(iter(buffer.take, b""))

    ends = {sum(sizes[:count]) for count in range(len(sizes) + 1)}
    assert b"".join(chunks) == b"".join(frames)
    assert {sum(map(len, chunks[:count])) for count in range(len(chunks) + 1)} <= ends
    assert all(len(chunk) <= max(MAX_CHUNK_BYTES, *sizes) for chunk in chunks)
    assert (byte_count, buffer.byte_count) == (sum(sizes), 0)


def test_a_copy_is_taken_from_independently() -> None:
    buffer = FrameBuffer(b"frame")
    copy = buffer.copy()
    copy.append(b"more")

    assert (buffer.take(), copy.take()) == (b"frame", b"framemore")
