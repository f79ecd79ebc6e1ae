"""Bounds the frames that wait for a slow reader of a live reply."""

#: Most bytes that a reader takes at once, unless a single frame is longer.
MAX_CHUNK_BYTES = 64 * 1024
#: Most bytes of small frames that one buffer keeps: for readers that may come later, and for each slow reader. Together
#: with the bytes that are buffered on the connection, this limit exceeds the 4,096 tokens of the longest reply that may
#: be requested, so a reader that reads at all is never cut off, even if the whole reply arrives at once.
MAX_KEPT_FRAME_BYTES = 128 * 1024
#: Frames of more bytes are large. All buffers of a reply share them, so a large frame is in memory once.
MAX_SMALL_FRAME_BYTES = 16 * 1024
#: A buffer that keeps this many bytes of large frames takes no further large frame. The last one may exceed the limit,
#: so that a buffer with room takes a frame of any size. A reply of the longest permitted text fits, even if the reply
#: arrives in large frames and faster than its reader is scheduled.
MAX_KEPT_LARGE_FRAME_BYTES = 4 * 1024 * 1024


class FrameBuffer:
    """Keeps whole frames in chunks, so that a stream can send other data between two chunks.

    Small frames share a chunk: an object for each of thousands of frames would take more memory than the frames. An
    empty buffer has no chunk at all, since nearly every stream's buffer is empty nearly always.
    """

    __slots__ = ("_full", "_last", "_last_max", "has_overflowed")

    def __init__(self) -> None:
        # These chunks take no more frames, and copies share them. A large frame is a chunk of its own, as bytes.
        self._full: tuple[bytearray | bytes, ...] = ()
        self._last: bytearray | None = None
        # The last chunk may grow to this many bytes; the limit is kept up to date so that `append` compares one number.
        self._last_max = MAX_CHUNK_BYTES
        #: Whether frames were dropped because there was no room; from then on all frames are dropped.
        self.has_overflowed = False

    def append(self, frames: bytes) -> None:
        """Adds whole frames, which are never split, or drops them when there is no room."""
        last = self._last
        if last is not None and len(last) + len(frames) <= self._last_max:
            last += frames
        elif frames:
            self._start_chunk(frames)

    def append_last(self, frames: bytes) -> None:
        """Adds frames that no other frames follow, even if there is no room for them."""
        if self.has_overflowed:
            return
        if self._last is None or len(self._last) + len(frames) > MAX_CHUNK_BYTES:
            self._close_chunk()
            self._last = bytearray()
        self._last += frames

    def _start_chunk(self, frames: bytes) -> None:
        self._close_chunk()
        if self.has_overflowed:
            return
        if len(frames) > MAX_SMALL_FRAME_BYTES:
            self._add_large(frames)
        elif len(frames) > self._room():
            self.has_overflowed = True
        else:
            self._limit_last()
            self._last = bytearray(frames)

    def _add_large(self, frame: bytes) -> None:
        if sum(len(chunk) for chunk in self._full if isinstance(chunk, bytes)) < MAX_KEPT_LARGE_FRAME_BYTES:
            self._full = (*self._full, frame)
        else:
            self.has_overflowed = True

    def _close_chunk(self) -> None:
        if self._last is not None:
            self._full = (*self._full, self._last)
            self._last = None

    def _room(self) -> int:
        return MAX_KEPT_FRAME_BYTES - sum(len(chunk) for chunk in self._full if isinstance(chunk, bytearray))

    def _limit_last(self) -> None:
        self._last_max = min(MAX_CHUNK_BYTES, self._room())

    def take(self) -> bytes:
        """Removes the first chunk and returns it; returns empty bytes when the buffer is empty."""
        if self._full:
            chunk, self._full = self._full[0], self._full[1:]
            self._limit_last()
            return bytes(chunk)
        if self._last is None:
            return b""
        chunk, self._last = self._last, None
        return bytes(chunk)

    def copy(self) -> "FrameBuffer":
        """Returns an independent buffer with the same frames."""
        other = FrameBuffer()
        other._full = self._full
        other._last = None if self._last is None else bytearray(self._last)
        other._last_max = self._last_max
        other.has_overflowed = self.has_overflowed
        return other
