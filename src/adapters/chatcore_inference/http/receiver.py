"""The receiving end of one reply: bytes off the socket in, frames to the core out."""

from collections.abc import Callable, Iterator
from http import HTTPStatus

import httpx

from chatcore.errors import InferenceRefusedError
from chatcore.ports import Frame
from chatcore_inference.http.body_sink import BodySink
from chatcore_inference.http.sse import BYTE_ORDER_MARK, FrameSplitter
from chatcore_inference.limits import InferenceLimits
from chatcore_inference.protocols.samosachaat.frames import (
    data_of,
    each_lone_event,
    lone_event,
    lone_events,
    read_frame,
)


def is_event_stream(status: int, headers: httpx.Headers) -> bool:
    """Whether this is the head of a reply: success, an event stream, and not compressed (a small bomb is a big one)."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return status == HTTPStatus.OK and media_type == "text/event-stream" and is_plain(headers)


def is_plain(headers: httpx.Headers) -> bool:
    """Whether the body is as it is, which we ask for by `Accept-Encoding: identity`."""
    return headers.get("content-encoding", "identity").strip().lower() in {"", "identity"}


class ReplyReceiver(BodySink):
    """Calls `on_frame` with each frame until the closing one; holds the reply to its limits."""

    __slots__ = (
        "_bytes_left",
        "_chars_left",
        "_is_between_frames",
        "_max_frame_bytes",
        "_on_frame",
        "_splitter",
        "_textless_left",
        "has_got_on",
        "is_closed",
    )

    def __init__(self, on_frame: Callable[[Frame], None], limits: InferenceLimits) -> None:
        self._on_frame = on_frame
        self._splitter = FrameSplitter(limits.max_frame_bytes)
        # Whether the splitter holds nothing, and has seen the start: then it need not see what is plain anyway.
        self._is_between_frames = False
        self._max_frame_bytes = limits.max_frame_bytes
        self._bytes_left = limits.max_reply_bytes
        self._chars_left = limits.max_text_chars
        self._textless_left = limits.max_textless_frames
        #: Whether a frame with data has come: what counts as progress for the watchdog, which takes it back.
        self.has_got_on = False
        #: Whether the closing frame has come.
        self.is_closed = False

    def accepts(self, status: int, headers: httpx.Headers) -> bool:  # noqa: D102 - says the protocol
        return is_event_stream(status, headers)

    def feed(self, data: bytes) -> bool:  # noqa: D102 - says the protocol
        size = len(data)
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise InferenceRefusedError("The reply is too large.")
        if self._is_between_frames and size <= self._max_frame_bytes:
            if (event := lone_event(data)) is not None:
                on_frame = self._on_frame
                on_frame(self._read(data, event[1]))
                return self.is_closed
            if lone_events(data) is not None:
                return self._pass_on(self._read(event[0], event[1]) for event in each_lone_event(data))
        return self._split(data)

    def finish(self) -> bool:
        """To be called when no more bytes will come; returns whether the reply is complete."""
        if not self.is_closed and (raw := self._splitter.flush()):
            self._on_frame(self._read(raw, self._data_of(raw)))
        return self.is_closed

    def _split(self, data: bytes) -> bool:
        splitter = self._splitter
        has_enough = self._pass_on(self._read(raw, self._data_of(raw)) for raw in splitter.feed(data))
        self._is_between_frames = not (splitter.pending or splitter.is_at_start)
        return has_enough

    def _pass_on(self, frames: Iterator[Frame]) -> bool:
        """Passes on the frames of one read up to the closing one, each when it is known whether more follow."""
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
            # What came before a frame that is refused has come.
            if last is not None:
                self._on_frame(last)
        return self.is_closed

    def _data_of(self, raw: bytes) -> bytes | None:
        return data_of(raw.removeprefix(BYTE_ORDER_MARK) if self._splitter.is_at_start else raw)

    def _read(self, raw: bytes, data: bytes | None) -> Frame:
        if not data:  # An event whose data is empty says nothing either: it is no progress.
            self._count_textless()
            return Frame(raw)
        self.has_got_on = True
        frame = read_frame(raw, data)
        token = frame.token
        if token:
            self._chars_left -= len(token)
            if self._chars_left < 0:
                raise InferenceRefusedError("The reply is too long.")
        elif not frame.is_closing:
            self._count_textless()
        self.is_closed = frame.is_closing
        return frame

    def _count_textless(self) -> None:
        self._textless_left -= 1
        if self._textless_left < 0:
            raise InferenceRefusedError("The inference service sends too much that is no text.")
