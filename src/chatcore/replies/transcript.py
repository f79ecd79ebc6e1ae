"""Records the part of a reply that has arrived so far.

The generation appends and readers read, and neither waits for the other. A reader (:mod:`chatcore.replies.readers`)
keeps only an offset into the text, or the frames that were not taken yet, so a slow, disconnected or second reader
does not slow the generation down.
"""

from collections.abc import Callable
from typing import Protocol

from attrs import frozen

from chatcore.conversations.message import FinishReason
from chatcore.conversations.parts import Part, PartKind
from chatcore.ports.inference import ClosingFrame, Frame
from chatcore.replies.frame_buffer import MAX_CHUNK_BYTES, FrameBuffer
from chatcore.replies.reply_log import ReplyLog
from chatcore.reply_error import ReplyError


@frozen
class End:
    """Tells readers how their stream ends."""

    #: Why the reply is not complete; None if it is complete.
    error: ReplyError | None = None
    #: Whether the reader must reconnect with its last offset, because another process continues or ends the reply.
    reconnect: bool = False


#: The end of a stream, but not of the reply.
RECONNECT = End(reconnect=True)


class Listener(Protocol):
    """Receives the frames of a reply. Its methods must neither raise nor take long: one is called for every token."""

    __slots__ = ()

    def on_chunk(self, frames: bytes) -> None:
        """Receives the next whole frames."""
        ...

    def on_end(self, frames: bytes) -> None:
        """Receives the last frames, which may be empty; the transcript now has its end."""
        ...


class Transcript:
    """Records the frames and the log of one reply.

    Args:
        on_first_token: the function to call once, when the first token arrives.
        keeps_frames: whether the frames may be requested at all.
        is_repeatable: whether all frames may be requested again, as long as they do not exceed MAX_KEPT_FRAME_BYTES.
    """

    __slots__ = (
        "_closing",
        "_held",
        "_is_repeatable",
        "_kept",
        "_listeners",
        "_on_first_token",
        "_pending",
        "end",
        "finish_reason",
        "is_closed",
        "is_sealed",
        "log",
        "stated_token_count",
        "usage",
    )

    def __init__(
        self,
        on_first_token: Callable[[], None] = lambda: None,
        *,
        keeps_frames: bool = True,
        is_repeatable: bool = False,
    ) -> None:
        # The attribute is None once the function was called.
        self._on_first_token: Callable[[], None] | None = on_first_token
        self._is_repeatable = is_repeatable
        # The buffer keeps all frames from the first on, for later readers; it is None once they are not kept any more.
        self._kept: FrameBuffer | None = FrameBuffer() if keeps_frames else None
        # These frames wait for a successor that is about to arrive; the value is None while there are none.
        self._held: bytearray | None = None
        self._closing = b""
        #: The text and the other parts that have arrived.
        self.log = ReplyLog()
        # The hot path appends to this list, which belongs to the text.
        self._pending = self.log.text.pending
        self._listeners: tuple[Listener, ...] = ()
        #: Whether the closing frame has arrived. It is withheld until :meth:`finish`.
        self.is_closed = False
        #: What the closing frame says about the whole reply; None where it says nothing.
        self.finish_reason: FinishReason | None = None
        self.usage: str | None = None
        self.stated_token_count: int | None = None
        #: Whether no more frames are accepted.
        self.is_sealed = False
        #: How the stream ends; the value is set once readers can get everything.
        self.end: End | None = None

    @property
    def length(self) -> int:
        """Returns how long the log is, in code points of all parts."""
        return self.log.length

    @property
    def token_count(self) -> int:
        """Returns how many frames had a token."""
        return self.log.text.token_count

    def append(self, frame: Frame) -> None:
        """Records the next frame and publishes it to the readers.

        The method is the hot path, which runs for every token. With a thousand streams, everything that it touches is a
        cache miss, so it maintains no counters and computes nothing that can be derived later.
        """
        if self.is_sealed:
            return
        token = frame.token
        if token is not None:
            if self._on_first_token is not None:
                self._report_first_token(self._on_first_token)
            self._pending.append(token)
        elif frame.part is not None:
            self._append_part(frame.part)
        if frame.is_closing:
            # A client that has seen the end must be able to fetch the reply, so the closing frame waits until the reply
            # is stored.
            self._close(frame)
        elif frame.has_successor:
            self._hold(frame.raw)
        elif self._held is not None:
            self._hold(frame.raw)
            self._publish_held()
        else:
            if self._kept is not None:
                self._keep(frame.raw)
            for listener in self._listeners:
                listener.on_chunk(frame.raw)

    def _report_first_token(self, on_first_token: Callable[[], None]) -> None:
        self._on_first_token = None
        on_first_token()

    def _close(self, frame: Frame) -> None:
        self._closing = frame.raw
        if isinstance(frame, ClosingFrame):
            self.finish_reason = frame.finish_reason
            self.usage = frame.usage
            self.stated_token_count = frame.token_count
        self.is_closed = True
        self.seal()

    def _append_part(self, part: Part) -> None:
        if part.kind is PartKind.REASONING:
            self.log.add_reasoning(part.body)
        else:
            self.log.add_data(part.body)

    def _hold(self, frames: bytes) -> None:
        # Frames that are published together are never split, so they must not exceed a chunk.
        if self._held is not None and len(self._held) + len(frames) > MAX_CHUNK_BYTES:
            self._publish_held()
        self._held = self._held or bytearray()
        self._held += frames

    def _publish_held(self) -> None:
        held, self._held = self._held, None
        self._publish(bytes(held or b""))

    def _publish(self, frames: bytes) -> None:
        self._keep(frames)
        for listener in self._listeners:
            listener.on_chunk(frames)

    def _keep(self, frames: bytes) -> None:
        kept = self._kept
        if kept is not None:
            kept.append(frames)
            if kept.has_overflowed:
                self._kept = None

    def seal(self) -> None:
        """Accepts no more frames; the text that has arrived is the whole reply."""
        self.is_sealed = True
        if self._held is not None:
            self._publish_held()
        self.log.flush()

    def finish(self, end: End) -> None:
        """Publishes the end, and the closing frame if the reply is complete or that frame reports the error.

        Only the first call has an effect.
        """
        if self.end is None:
            self.seal()
            self.end = end
            # A reply whose closing frame arrived but which was deleted before it was stored does not end as complete.
            last = b"" if end.reconnect or end.error is ReplyError.STOPPED else self._closing
            if self._kept is not None:
                self._kept.append_last(last)
            for listener in self._listeners:
                listener.on_end(last)

    def text(self, offset: int = 0, max_chars: int | None = None) -> str:
        """Returns the text from `offset` on, at most `max_chars` of it, both in code points."""
        return self.log.text.text(offset, max_chars)

    def take_kept_frames(self) -> FrameBuffer | None:
        """Returns all frames published so far, or None if the first frames are not kept any more.

        The frames are kept for the first caller, and for later callers only if the reply is repeatable.
        """
        frames = self._kept
        if frames is not None and self._is_repeatable:
            return frames.copy()
        self._kept = None
        return frames

    def subscribe(self, listener: Listener) -> None:
        """Notifies `listener` of everything that arrives from now on."""
        self._listeners = (*self._listeners, listener)

    def unsubscribe(self, listener: Listener) -> None:
        """Notifies `listener` no longer; a repeated call does nothing."""
        self._listeners = tuple(other for other in self._listeners if other is not listener)
