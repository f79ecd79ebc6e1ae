"""Defines the reader protocol, and the two readers of a transcript.

All readers are used in the same way::

    while True:
        if chunk := reader.take():
            ...  # deliver it
        elif reader.end is not None:
            break
        else:
            await reader.wait()

Call :meth:`Reader.leave` at the end in any case.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from chatcore.conversations.log import Stretch
from chatcore.replies.frame_buffer import MAX_CHUNK_BYTES, FrameBuffer
from chatcore.replies.transcript import RECONNECT, End, Listener, Transcript

#: Most code points that a reader of text takes at once; Python keeps each in four bytes at most.
MAX_CHUNK_CHARS = MAX_CHUNK_BYTES // 4

ChunkT = TypeVar("ChunkT")
Chunk_co = TypeVar("Chunk_co", covariant=True)


class Reader(Protocol[Chunk_co]):
    """Reads one reply for one client."""

    __slots__ = ()

    @property
    def end(self) -> End | None:
        """Returns how the stream ends once :meth:`take` returns nothing, or None while the stream goes on."""
        ...

    def take(self) -> Chunk_co | None:
        """Returns the next chunk since the last call, or None or empty bytes if there is no chunk yet.

        A chunk never ends within a frame, so the caller may send other data between two chunks.
        """
        ...

    async def wait(self) -> None:
        """Returns when there may be a chunk or an end, or earlier."""
        ...

    def wake(self) -> None:
        """Makes :meth:`wait` return now, for a task that has something else to send between two chunks."""
        ...

    def offer(self, write: Callable[[Chunk_co], bool]) -> None:
        """Registers `write` to receive chunks directly while a task is in :meth:`wait`.

        `write` returns True if it delivered the chunk; otherwise the task is woken to take it. Waking a task for each
        token would cost more than delivering the token. `write` is called from where the chunk arrives, so it must
        neither raise nor take long. A reader whose chunks are rare need not call `write`.
        """
        ...

    def leave(self) -> None:
        """Releases the reader: nothing is kept for it any more. A repeated call does nothing."""
        ...


class _TranscriptReader(Listener, Generic[ChunkT]):
    """Subscribes to a transcript and ends with it, as the base of both readers of a transcript."""

    __slots__ = ("_is_waiting", "_transcript", "_waiter", "_write")

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._waiter: asyncio.Future[None] | None = None
        # The flag tells whether a task waits that has not been woken yet.
        self._is_waiting = False
        self._write: Callable[[ChunkT], bool] = _refuse
        transcript.subscribe(self)

    @property
    def end(self) -> End | None:
        """Returns the transcript's end."""
        return self._transcript.end

    async def wait(self) -> None:
        """Returns when the transcript has grown or ended."""
        self._waiter = asyncio.get_running_loop().create_future()
        self._is_waiting = True
        try:
            await self._waiter
        finally:
            self._is_waiting = False

    def wake(self) -> None:
        """Lets :meth:`wait` return now."""
        self._is_waiting = False
        # A waiter that is done was woken before, or its task was cancelled.
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def offer(self, write: Callable[[ChunkT], bool]) -> None:
        """Registers `write` to receive chunks directly, as :meth:`Reader.offer` says."""
        self._write = write

    def leave(self) -> None:
        """Unsubscribes from the transcript, as :meth:`Reader.leave` says."""
        self._transcript.unsubscribe(self)


class FrameReader(_TranscriptReader[bytes], Reader[bytes]):
    """Reads the frames of a reply from the first one on, byte for byte as they arrived.

    The reader buffers the frames that were not taken yet. If the buffer overflows, the stream ends and the client is
    told to reconnect.
    """

    __slots__ = ("_frames",)

    def __init__(self, transcript: Transcript, frames: FrameBuffer) -> None:
        super().__init__(transcript)
        self._frames = frames

    @classmethod
    def of(cls, transcript: Transcript) -> "FrameReader | None":
        """Returns a reader from the first frame on, or None if the first frames are not kept any more."""
        frames = transcript.take_kept_frames()
        return None if frames is None else cls(transcript, frames)

    @property
    def end(self) -> End | None:
        """Returns the transcript's end, or RECONNECT if the buffer has overflowed."""
        return RECONNECT if self._frames.has_overflowed else self._transcript.end

    def take(self) -> bytes:
        """Returns the next whole frames since the last call, at most MAX_CHUNK_BYTES unless one frame is longer."""
        return self._frames.take()

    def on_chunk(self, frames: bytes) -> None:
        """Writes or buffers the frames, as :meth:`chatcore.replies.transcript.Listener.on_chunk` says."""
        if self._is_waiting:
            write = self._write
            if len(frames) <= MAX_CHUNK_BYTES and write(frames):
                return
            self.wake()
        self._frames.append(frames)

    def on_end(self, frames: bytes) -> None:
        """Buffers the frames and wakes the waiting task; see :meth:`chatcore.replies.transcript.Listener.on_end`."""
        self._frames.append_last(frames)
        self.wake()


class LogReader(_TranscriptReader[Stretch], Reader[Stretch]):
    """Reads the log of a reply that this process generates, from any position on.

    Args:
        transcript: the transcript of the reply.
        offset: where the reader begins, in code points.
        opening: the instruction that the reader gets first, if it needs one.
    """

    __slots__ = ("_offset", "_opening")

    def __init__(self, transcript: Transcript, offset: int, *, opening: Stretch | None = None) -> None:
        super().__init__(transcript)
        self._offset = offset
        self._opening = opening

    def take(self) -> Stretch | None:
        """Returns the next stretch since the last call, or None if there is none yet.

        A stretch has at most MAX_CHUNK_CHARS, unless it is a data part.
        """
        if self._opening is not None:
            opening, self._opening = self._opening, None
            return opening
        length = self._transcript.length
        if length == self._offset:
            return None
        if length < self._offset:
            # The reader was shown more than survived a crash.
            self._offset = length
            return Stretch("", length)
        stretch = self._transcript.log.read(self._offset, MAX_CHUNK_CHARS)
        if stretch is not None:
            self._offset = stretch.end_offset
        return stretch

    def on_chunk(self, frames: bytes) -> None:  # noqa: ARG002 - the protocol sets the signature
        """Writes a new stretch or wakes the waiting task; see :meth:`chatcore.replies.transcript.Listener.on_chunk`."""
        if not self._is_waiting:
            return
        offset = self._offset
        chunk = self.take()
        if chunk is None:
            return
        if not self._write(chunk):
            self._offset = offset
        elif self._offset == self._transcript.length:
            return
        self.wake()

    def on_end(self, frames: bytes) -> None:  # noqa: ARG002 - the protocol sets the signature
        """Wakes the waiting task; see :meth:`chatcore.replies.transcript.Listener.on_end`."""
        self.wake()


def _refuse(chunk: object) -> bool:  # noqa: ARG001 - a reader refuses chunks until `offer` is called
    return False
