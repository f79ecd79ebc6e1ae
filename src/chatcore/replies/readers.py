"""Readers of a reply, and what they get.

All readers are used alike, and none of them touches the network or the storage by itself::

    while True:
        if chunk := reader.take():
            ...  # pass it on
        elif reader.end is not None:
            break
        else:
            await reader.wait()

and :meth:`Reader.leave` it at the end, however it comes.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from attrs import frozen

from chatcore.replies.frame_buffer import MAX_CHUNK_BYTES, FrameBuffer
from chatcore.replies.transcript import RECONNECT, End, Listener, Transcript

#: Most code points that a reader of text takes at once; Python keeps each in four bytes at most.
MAX_CHUNK_CHARS = MAX_CHUNK_BYTES // 4

ChunkT = TypeVar("ChunkT")
Chunk_co = TypeVar("Chunk_co", covariant=True)


@frozen
class Stretch:
    """Text from where the reader was up to `end_offset` (code points), or, without text, a step back to there."""

    text: str
    end_offset: int

    @property
    def is_rewind(self) -> bool:
        """Whether the reader was shown more than there is and must keep only `end_offset` code points."""
        return not self.text


class Reader(Protocol[Chunk_co]):
    """One reader of one reply."""

    __slots__ = ()

    @property
    def end(self) -> End | None:
        """How the stream ends; counts once :meth:`take` has nothing more to give."""
        ...

    def take(self) -> Chunk_co | None:
        """What has come since the last time, or the first part; nothing (None, or empty) when there is nothing yet.

        Never part of a frame: between what is taken and what is taken next anything else may be sent.
        """
        ...

    async def wait(self) -> None:
        """Returns when it is worth looking again; may return early."""
        ...

    def wake(self) -> None:
        """Lets :meth:`wait` return now, for whoever has something to say in between."""
        ...

    def offer(self, write: Callable[[Chunk_co], bool]) -> None:
        """Lets `write` have news at once, while somebody waits; where it returns True they are passed on.

        To wake a task for each token would cost more than to pass the token on. `write` is called from where the
        news come in, so it must neither raise nor take long. A reader whose news are rare need not call it.
        """
        ...

    def leave(self) -> None:
        """To be called when nobody reads any more: nothing is kept for it from then on. Again does nothing."""
        ...


class _TranscriptReader(Listener, Generic[ChunkT]):
    """What the two readers of a transcript share: they listen to it, and end with it."""

    __slots__ = ("_is_waiting", "_transcript", "_waiter", "_write")

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._waiter: asyncio.Future[None] | None = None
        # Whether somebody waits who has not been woken.
        self._is_waiting = False
        self._write: Callable[[ChunkT], bool] = _refuse
        transcript.subscribe(self)

    @property
    def end(self) -> End | None:
        """The transcript's end."""
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
        # One that is done was woken before, or its task was cancelled.
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def offer(self, write: Callable[[ChunkT], bool]) -> None:
        """See :meth:`Reader.offer`."""
        self._write = write

    def leave(self) -> None:
        """See :meth:`Reader.leave`."""
        self._transcript.unsubscribe(self)


class FrameReader(_TranscriptReader[bytes], Reader[bytes]):
    """Reads the frames, byte for byte as the inference service sent them, from the first.

    It holds what it has not passed on. When that is too much its stream ends, and its reader is to come back.
    """

    __slots__ = ("_frames",)

    def __init__(self, transcript: Transcript, frames: FrameBuffer) -> None:
        super().__init__(transcript)
        self._frames = frames

    @classmethod
    def of(cls, transcript: Transcript) -> "FrameReader | None":
        """A reader from the first frame on; None when that is not kept any more."""
        frames = transcript.hand_over_frames()
        return None if frames is None else cls(transcript, frames)

    @property
    def end(self) -> End | None:
        """The transcript's end, or the reader's own."""
        return RECONNECT if self._frames.has_overflowed else self._transcript.end

    def take(self) -> bytes:
        """The next frames since the last time, all of them whole."""
        return self._frames.take()

    def on_chunk(self, frames: bytes) -> None:
        """See :meth:`chatcore.replies.transcript.Listener.on_chunk`."""
        if self._is_waiting:
            write = self._write
            if len(frames) <= MAX_CHUNK_BYTES and write(frames):
                return
            self.wake()
        self._frames.append(frames)

    def on_end(self, frames: bytes) -> None:
        """See :meth:`chatcore.replies.transcript.Listener.on_end`."""
        self._frames.append(frames)
        self.wake()


class TextReader(_TranscriptReader[Stretch], Reader[Stretch]):
    """Reads the text of a reply that this process is making, from any code point on."""

    __slots__ = ("_offset",)

    def __init__(self, transcript: Transcript, offset: int) -> None:
        super().__init__(transcript)
        self._offset = offset

    def take(self) -> Stretch | None:
        """The next text since the last time, as one stretch."""
        length = self._transcript.length
        if length == self._offset:
            return None
        if length < self._offset:
            # It was shown text that a crash has taken: step back.
            self._offset = length
            return Stretch("", length)
        text = self._transcript.text(self._offset, MAX_CHUNK_CHARS)
        self._offset += len(text)
        return Stretch(text, self._offset)

    def on_chunk(self, frames: bytes) -> None:  # noqa: ARG002 - the protocol's signature
        """See :meth:`chatcore.replies.transcript.Listener.on_chunk`."""
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

    def on_end(self, frames: bytes) -> None:  # noqa: ARG002 - the protocol's signature
        """See :meth:`chatcore.replies.transcript.Listener.on_end`."""
        self.wake()


def _refuse(chunk: object) -> bool:  # noqa: ARG001 - what a reader does until it is offered otherwise
    return False
