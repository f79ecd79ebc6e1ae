"""Frames that wait for a reader."""

#: Most bytes that a reader takes at once, unless a single frame is longer. However much there is, a reader that reads
#: slowly holds little more.
MAX_CHUNK_BYTES = 64 * 1024


class FrameBuffer:
    """Keeps frames in chunks, so that a chunk never ends within a frame.

    What is appended is whole frames, and is never split: between two chunks a stream may send anything else. Small
    frames share a chunk, since an object for each of thousands of frames would cost more memory than the frames.
    """

    __slots__ = ("_chunks", "byte_count")

    def __init__(self, frames: bytes = b"") -> None:
        # A list, since there are two or three chunks at most; an empty deque takes ten times as much memory.
        self._chunks: list[bytearray] = []
        #: How many bytes of frames are kept.
        self.byte_count = 0
        if frames:
            self.append(frames)

    def append(self, frames: bytes) -> None:
        """Keeps whole frames behind the others."""
        if self._chunks and len(self._chunks[-1]) + len(frames) <= MAX_CHUNK_BYTES:
            self._chunks[-1] += frames
        else:
            self._chunks.append(bytearray(frames))
        self.byte_count += len(frames)

    def take(self) -> bytes:
        """Removes the first chunk and returns it; returns nothing where none is left."""
        if not self._chunks:
            return b""
        chunk = bytes(self._chunks.pop(0))
        self.byte_count -= len(chunk)
        return chunk

    def copy(self) -> "FrameBuffer":
        """Returns a buffer with the same frames that is taken from independently."""
        other = FrameBuffer()
        other._chunks = [bytearray(chunk) for chunk in self._chunks]
        other.byte_count = self.byte_count
        return other
