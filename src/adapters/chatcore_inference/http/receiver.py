"""Receives one reply: takes bytes from the socket and hands frames to the core."""

from collections.abc import Callable, Iterable, Iterator

import httpx

from chatcore.conversations.parts import PartKind
from chatcore.errors import InferenceRefusedError
from chatcore.ports import Frame
from chatcore_inference.http.body_sink import BodySink
from chatcore_inference.http.event_data import data_of, each_lone_event, lone_event, lone_events
from chatcore_inference.http.event_reader import ErrorFrame, EventReader
from chatcore_inference.http.response_head import is_event_stream
from chatcore_inference.http.sse import BYTE_ORDER_MARK, EventSplitter
from chatcore_inference.limits import InferenceLimits


class ReplyReceiver(BodySink):
    """Calls `on_frame` with each frame until the closing one, and enforces the limits of a reply.

    Args:
        on_frame: the function that takes the frames.
        limits: the limits of a reply.
        reader: the reader that makes frames of the events.
        chars_before: how much text the reply has already, in code points; it counts towards the limit of a reply.
    """

    __slots__ = (
        "_bytes_left",
        "_chars_left",
        "_has_failed",
        "_is_between_events",
        "_max_event_bytes",
        "_on_frame",
        "_read_empty",
        "_read_event",
        "_reader",
        "_splitter",
        "_textless_left",
        "has_progress",
        "is_closed",
    )

    def __init__(
        self,
        on_frame: Callable[[Frame], None],
        limits: InferenceLimits,
        reader: EventReader,
        *,
        chars_before: int = 0,
    ) -> None:
        self._on_frame = on_frame
        # The methods are looked up once here and not once for every token.
        self._reader = reader
        self._read_event = reader.read
        self._read_empty = reader.read_empty
        self._splitter = EventSplitter(limits.max_frame_bytes)
        # The flag tells whether the splitter is empty and past the start of the stream, so that whole events bypass it.
        self._is_between_events = False
        self._max_event_bytes = limits.max_frame_bytes
        self._bytes_left = limits.max_reply_bytes
        self._chars_left = limits.max_text_chars - chars_before
        self._textless_left = limits.max_textless_frames
        # Whether the model has reported an error.
        self._has_failed = False
        #: Whether an event with data has arrived since the watchdog last checked; the watchdog clears it.
        self.has_progress = False
        #: Whether the closing frame has arrived.
        self.is_closed = False

    def accepts(self, status: int, headers: httpx.Headers) -> bool:
        """Returns whether the response is a reply, as :meth:`BodySink.accepts` says."""
        return is_event_stream(status, headers)

    def feed(self, data: bytes) -> bool:
        """Passes on the frames in `data`, as :meth:`BodySink.feed` says."""
        size = len(data)
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise InferenceRefusedError("The reply is too large.")
        if self._is_between_events and size <= self._max_event_bytes:
            if (event := lone_event(data)) is not None:
                frame = self._read(data, event[1])
                if isinstance(frame, tuple):
                    return self._pass_on(frame)
                on_frame = self._on_frame
                on_frame(frame)
                return self.is_closed
            if lone_events(data) is not None:
                return self._pass_on(self._frames((event[0], event[1]) for event in each_lone_event(data)))
        return self._split(data)

    @property
    def reads_documents(self) -> bool:
        """Returns whether a reply may come as one document, and a refusal says why."""
        return self._reader.reads_documents

    def feed_document(self, status: int, document: bytes) -> None:
        """Passes on the frames of a reply that came as one document.

        Raises:
            InferenceRefusedError: the document is no reply, or the reply is too long.
        """
        frames = self._reader.read_document(status, document)
        self._count(frames)
        self._pass_on(frames)

    def finish(self) -> bool:
        """Ends the input; returns whether the reply is complete.

        Raises:
            InferenceRefusedError: the model has reported an error.
        """
        if not self.is_closed and (raw := self._splitter.flush()):
            self._pass_on(self._frames([(raw, self._data_of(raw))]))
        if not self.is_closed:
            frames = self._reader.read_end()
            self._count(frames)
            self._pass_on(frames)
        if self._has_failed:
            raise InferenceRefusedError("The model reported an error.")
        return self.is_closed

    def _split(self, data: bytes) -> bool:
        splitter = self._splitter
        has_enough = self._pass_on(self._frames((raw, self._data_of(raw)) for raw in splitter.feed(data)))
        self._is_between_events = not (splitter.pending or splitter.is_at_start)
        return has_enough

    def _frames(self, events: Iterable[tuple[bytes, bytes | None]]) -> Iterator[Frame]:
        for raw, data in events:
            frame = self._read(raw, data)
            if isinstance(frame, tuple):
                yield from frame
            else:
                yield frame

    def _pass_on(self, frames: Iterable[Frame]) -> bool:
        """Passes on the frames of one read up to the closing one, each as soon as its successor is known."""
        last: Frame | None = None
        try:
            for frame in frames:
                if last is not None:
                    ready, last = last, None
                    ready.has_successor = True
                    self._on_frame(ready)
                last = frame
                if frame.is_closing:
                    break
        finally:
            # The frame before a refused frame still counts.
            if last is not None:
                self._on_frame(last)
        return self.is_closed

    def _data_of(self, raw: bytes) -> bytes | None:
        return data_of(raw.removeprefix(BYTE_ORDER_MARK) if self._splitter.is_at_start else raw)

    def _read(self, raw: bytes, data: bytes | None) -> Frame | tuple[Frame, ...]:
        if not data:  # An event with empty data is no progress either.
            self._count_textless()
            return self._read_empty(raw)
        self.has_progress = True
        # The local name is needed because Python 3.11 is slow to call a function in a slot directly.
        read_event = self._read_event
        frame = read_event(raw, data)
        # Nearly every event is a token.
        if type(frame) is Frame and (token := frame.token) and not frame.is_closing:
            self._chars_left -= len(token)
            if self._chars_left < 0:
                raise InferenceRefusedError("The reply is too long.")
        else:
            self._count(frame if isinstance(frame, tuple) else (frame,))
        return frame

    def _count(self, frames: tuple[Frame, ...]) -> None:
        if not frames:
            self._count_textless()
        for frame in frames:
            if type(frame) is ErrorFrame:
                self._fail()
            self._count_chars(frame)
            self.is_closed = frame.is_closing

    def _count_chars(self, frame: Frame) -> None:
        part = frame.part
        chars = frame.token or (part.body if part is not None and part.kind is PartKind.REASONING else "")
        if not chars and not frame.is_closing:
            self._count_textless()
        self._chars_left -= len(chars)
        if self._chars_left < 0:
            raise InferenceRefusedError("The reply is too long.")

    def _fail(self) -> None:
        # A reader takes a closing frame for the end of a good reply, so one that follows the error is withheld. The
        # core ends the stream of a reply that is not complete.
        if not self._has_failed:
            self._has_failed = True
            self._on_frame = _unless_closing(self._on_frame)

    def _count_textless(self) -> None:
        self._textless_left -= 1
        if self._textless_left < 0:
            raise InferenceRefusedError("The inference service sends too much that is no text.")


def _unless_closing(on_frame: Callable[[Frame], None]) -> Callable[[Frame], None]:
    def pass_on(frame: Frame) -> None:
        if not frame.is_closing or type(frame) is ErrorFrame:
            on_frame(frame)

    return pass_on
