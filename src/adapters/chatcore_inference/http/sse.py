"""Splits a stream of server-sent events into events.

The rules are those of the WHATWG: LF, CRLF or CR ends a line, a blank line ends an event, one byte order mark may
precede the first line, and an event that the stream leaves unfinished is dropped.
"""

import re
from collections.abc import Iterator

from chatcore.errors import InferenceRefusedError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# The groups are atomic, because otherwise the two halves of one CRLF would match as two line ends.
_LINE_END = re.compile(rb"(?>\r\n|\n|\r)")
_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_CR = 0x0D


class EventSplitter:
    """Takes bytes and yields events; an event is every byte up to and including its blank line.

    The events are the same for every division of the stream into chunks, and their concatenation is the input. The
    splitter holds only the unfinished event: at most `max_event_bytes` and one chunk.
    """

    __slots__ = ("_max_event_bytes", "_searched", "is_at_start", "pending")

    def __init__(self, max_event_bytes: int) -> None:
        self._max_event_bytes = max_event_bytes
        # No blank line begins before this index of the pending bytes, so slow arrivals are not searched repeatedly.
        self._searched = 0
        #: The unfinished event so far.
        self.pending = bytearray()
        #: Whether no event has been completed; the value is still true while the consumer handles the first event.
        self.is_at_start = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields the events that `data` completes. The caller must exhaust the iterator before the next call.

        Raises:
            InferenceRefusedError: an event is too large; the error follows the events before it.
        """
        pending = self.pending
        pending += data
        start = 0
        while end := self._event_end(start):
            event = bytes(pending[start:end])
            self._require_sane(len(event))
            start = self._searched = end
            yield event
            self.is_at_start = False
        del pending[:start]
        self._searched -= start
        self._require_sane(len(pending))

    def flush(self) -> bytes | None:
        """Returns, at the end of input, an event that ended with CR and was waiting only for a possible LF."""
        end = self._event_end(0, is_last=True)
        event = bytes(self.pending[:end]) if end else None
        self.pending.clear()
        return event

    def _event_end(self, start: int, *, is_last: bool = False) -> int | None:
        pending = self.pending
        line = start
        if self.is_at_start and pending.startswith(BYTE_ORDER_MARK):
            line += len(BYTE_ORDER_MARK)
        # An event that begins with a line end consists of this blank line alone.
        match = _LINE_END.match(pending, line) or _BLANK_LINE.search(pending, max(line, self._searched))
        if match is None:
            self._searched = max(start, len(pending) - len(b"\r\n"))
            return None
        if match.end() == len(pending) and pending[-1] == _CR and not is_last:
            self._searched = match.start()
            return None
        return match.end()

    def _require_sane(self, event_bytes: int) -> None:
        if event_bytes > self._max_event_bytes:
            raise InferenceRefusedError("The inference service sent an event that is too large.")
