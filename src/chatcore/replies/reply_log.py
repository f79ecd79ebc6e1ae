"""Records the log of a reply in the making: its text, its reasoning and its data parts."""

from collections.abc import Iterator

from chatcore.conversations.log import MAX_PIECE_CHARS, Log, Piece, Stretch, log_length, read_log
from chatcore.conversations.parts import MAX_DATA_BYTES, MAX_DATA_PARTS, PartKind, is_readable
from chatcore.replies.text_track import TextTrack


class ReplyLog:
    """Grows by tokens of text, tokens of reasoning and data parts, and is read from any position on.

    Nearly all replies are text alone, so reasoning and data are kept beside the text and cost nothing without them.
    """

    __slots__ = ("_data_bytes", "_data_parts", "_reasoning", "_segments", "text")

    def __init__(self) -> None:
        #: The text of the reply.
        self.text = TextTrack()
        # All reasoning of the present generation; None while there is none.
        self._reasoning: TextTrack | None = None
        self._segments: list[_Reasoning | Piece] = []
        self._data_parts = 0
        self._data_bytes = 0

    def restore(self, log: Log) -> None:
        """Begins the log with what earlier generations of the reply have left."""
        self.text.restore(log.text)
        for piece in log.pieces:
            self._append_piece(piece)

    def drop_pieces(self, position: int) -> None:
        """Removes everything that is not text from a position on, at which a part ends; no text may follow it."""
        self._settle()
        self._segments = [segment for segment in self._segments if segment.position < position]

    @property
    def length(self) -> int:
        """Returns how long the log is, in code points of all parts."""
        self._settle()
        return log_length(self.text.length, self._segments)

    def read(self, position: int, max_chars: int) -> Stretch | None:
        """Returns the stretch that begins at a position; see :func:`chatcore.conversations.log.read_log`."""
        self._settle()
        text = self.text
        return read_log(position, max_chars, text_length=text.length, read_text=text.text, segments=self._segments)

    def add_reasoning(self, token: str) -> None:
        """Appends a token to the reasoning."""
        if self._reasoning is None:
            self._reasoning = TextTrack()
        text_offset = self.text.length
        last = self._segments[-1] if self._segments else None
        if not isinstance(last, _Reasoning) or last.text_offset != text_offset:
            self._end_reasoning()
            self._segments.append(_Reasoning(self.length, text_offset, self._reasoning))
        self._reasoning.pending.append(token)

    def add_data(self, body: str) -> bool:
        """Appends a data part; returns False, and appends nothing, if no more is stored or not every client reads it.

        Args:
            body: the JSON of an object, in code points that the storage can hold.
        """
        size = len(body.encode())
        if self._data_parts == MAX_DATA_PARTS or self._data_bytes + size > MAX_DATA_BYTES or not is_readable(body):
            return False
        self._end_reasoning()
        self._append_piece(Piece(self.length, self.text.length, PartKind.DATA, body))
        return True

    def _append_piece(self, piece: Piece) -> None:
        self._segments.append(piece)
        if piece.kind is PartKind.DATA:
            self._data_parts += 1
            self._data_bytes += len(piece.body.encode())

    def pieces(self, position: int = 0) -> tuple[Piece, ...]:
        """Returns everything that is not text from a position on, in order."""
        if not self._segments:
            return ()
        self._settle()
        return tuple(self._pieces(position))

    def _pieces(self, position: int) -> Iterator[Piece]:
        for segment in self._segments:
            if segment.end <= position:
                continue
            if isinstance(segment, Piece):
                yield segment
            else:
                yield from segment.pieces(max(segment.position, position))

    def flush(self) -> None:
        """Appends what was held back for a next token."""
        self.text.flush()
        self._end_reasoning()

    def _settle(self) -> None:
        """Ends the reasoning if text has followed it: its length must not change after text was read behind it."""
        last = self._segments[-1] if self._segments else None
        if isinstance(last, _Reasoning) and last.text_offset < self.text.length:
            last.finish()

    def _end_reasoning(self) -> None:
        last = self._segments[-1] if self._segments else None
        if isinstance(last, _Reasoning):
            last.finish()


class _Reasoning:
    """Reasoning between two places in the text, a stretch of the track of all reasoning."""

    __slots__ = ("_start", "_stop", "_track", "position", "text_offset")

    def __init__(self, position: int, text_offset: int, track: TextTrack) -> None:
        self.position = position
        self.text_offset = text_offset
        self._track = track
        self._start = track.length
        self._stop: int | None = None

    @property
    def end(self) -> int:
        """Returns where the stretch ends in the log, as :class:`chatcore.conversations.log.Segment` says."""
        stop = self._track.length if self._stop is None else self._stop
        return self.position + stop - self._start

    def finish(self) -> None:
        """Appends what was held back for a next token, and accepts no more reasoning."""
        if self._stop is None:
            self._track.flush()
            self._stop = self._track.length

    def pieces(self, position: int) -> Iterator[Piece]:
        """Yields the reasoning from a position in the log on."""
        while position < self.end:
            stretch = self.read(position, MAX_PIECE_CHARS)
            yield Piece(position, self.text_offset, PartKind.REASONING, stretch.text)
            position = stretch.end_offset

    def read(self, position: int, max_chars: int) -> Stretch:
        """Returns the stretch from a position on, as :class:`chatcore.conversations.log.Segment` says."""
        max_chars = min(max_chars, self.end - position)
        body = self._track.text(self._start + position - self.position, max_chars)
        return Stretch(body, position + len(body), PartKind.REASONING)
