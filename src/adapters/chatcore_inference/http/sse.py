"""Where one SSE event ends and the next begins.

This module splits and does not interpret: what a frame says is the protocol's knowledge. The rules are those of the
WHATWG: a line ends with LF, CRLF or CR, a blank line closes an event, one leading byte order mark is not part of the
first line, and an event that the stream leaves unfinished is dropped.
"""

import re
from collections.abc import Iterator

from chatcore.errors import InferenceRefusedError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Atomic groups: without them the two halves of one CRLF would pass for two line ends.
_LINE_END = re.compile(rb"(?>\r\n|\n|\r)")
_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_CR = 0x0D


class FrameSplitter:
    """Bytes in, frames out; a frame is every byte up to and including its blank line.

    Wherever the stream is cut into chunks, the frames are the same and their concatenation is the input. Only bytes
    of the frame at hand are held, at most `max_frame_bytes` and one chunk.
    """

    __slots__ = ("_max_frame_bytes", "_searched", "is_at_start", "pending")

    def __init__(self, max_frame_bytes: int) -> None:
        self._max_frame_bytes = max_frame_bytes
        # No blank line begins before this index of the pending bytes: a drip of bytes is not searched over and over.
        self._searched = 0
        #: The unfinished frame so far.
        self.pending = bytearray()
        #: Whether no frame has been completed; still true while the first one is being looked at.
        self.is_at_start = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The frames that `data` completes; to be iterated to its end before the next call.

        Raises:
            InferenceRefusedError: after the frames before it: a frame is too large.
        """
        pending = self.pending
        pending += data
        start = 0
        while end := self._frame_end(start):
            frame = bytes(pending[start:end])
            self._require_sane(len(frame))
            start = self._searched = end
            yield frame
            self.is_at_start = False
        del pending[:start]
        self._searched -= start
        self._require_sane(len(pending))

    def flush(self) -> bytes | None:
        """The frame that was complete but for the question whether an LF would follow its CR, at the end of input."""
        end = self._frame_end(0, is_last=True)
        frame = bytes(self.pending[:end]) if end else None
        self.pending.clear()
        return frame

    def _frame_end(self, start: int, *, is_last: bool = False) -> int | None:
        pending = self.pending
        line = start
        if self.is_at_start and pending.startswith(BYTE_ORDER_MARK):
            line += len(BYTE_ORDER_MARK)
        # A frame that begins with a line end is nothing but this blank line.
        match = _LINE_END.match(pending, line) or _BLANK_LINE.search(pending, max(line, self._searched))
        if match is None:
            self._searched = max(start, len(pending) - len(b"\r\n"))
            return None
        if match.end() == len(pending) and pending[-1] == _CR and not is_last:
            self._searched = match.start()
            return None
        return match.end()

    def _require_sane(self, frame_bytes: int) -> None:
        if frame_bytes > self._max_frame_bytes:
            raise InferenceRefusedError("The inference service sent an event that is too large.")
