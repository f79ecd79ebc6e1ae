"""Defines the log of a reply.

The log contains the parts of the reply in the order in which the model sent them. A position in the log is the number
of code points of everything before it, so for a reply of text alone it is an offset in the text.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Protocol

from attrs import evolve, frozen

from chatcore.conversations.parts import Part, PartKind

#: Most code points of one piece of reasoning.
MAX_PIECE_CHARS = 16 * 1024

# How a data part begins that only says what the reply cost.
_USAGE = '{"usage":'


@frozen
class Stretch:
    """A stretch of one part of a log, or, if empty, the instruction to keep only the log up to `end_offset`.

    A reader that has no more than that keeps all; the instruction then only tells which generation follows.
    """

    #: The text, the reasoning, or the JSON of a data part.
    text: str
    #: Where the stretch ends in the log, in code points.
    end_offset: int
    kind: PartKind = PartKind.TEXT
    #: In an instruction: the number of the generation that follows; None if it is the present one.
    generation: int | None = None

    def up_to(self, position: int) -> "Stretch":
        """Returns the part of the stretch of a text or of reasoning that ends at a position or before."""
        excess = self.end_offset - position
        return self if excess <= 0 else evolve(self, text=self.text[:-excess], end_offset=position)

    @property
    def is_rewind(self) -> bool:
        """Returns whether the stretch is an instruction to keep only `end_offset` code points."""
        return not self.text


class Segment(Protocol):
    """A part of a log that is not text."""

    @property
    def position(self) -> int:
        """Returns where the segment begins in the log, in code points."""
        ...

    @property
    def text_offset(self) -> int:
        """Returns how much text of the reply precedes the segment, in code points."""
        ...

    @property
    def end(self) -> int:
        """Returns where the segment ends in the log, in code points."""
        ...

    def read(self, position: int, max_chars: int) -> Stretch:
        """Returns the stretch from a position inside the segment on; see :func:`read_log`."""
        ...


@frozen
class Piece:
    """A stretch of a reply's log that is not text, as it is stored: reasoning, or a whole data part."""

    position: int
    text_offset: int
    kind: PartKind
    body: str

    @property
    def end(self) -> int:
        """Returns where the piece ends in the log, in code points."""
        return self.position + len(self.body)

    def read(self, position: int, max_chars: int) -> Stretch:
        """Returns the rest of the piece, or a whole data part, as :meth:`Segment.read` says."""
        if self.kind is PartKind.DATA:
            return Stretch(self.body, self.end, self.kind)
        start = position - self.position
        body = self.body[start : start + max_chars]
        return Stretch(body, position + len(body), self.kind)


@frozen
class Log:
    """The log of a reply as it is stored."""

    #: The text of the reply.
    text: str
    #: Everything in the log that is not text, in order.
    pieces: Sequence[Piece] = ()

    @property
    def length(self) -> int:
        """Returns how long the log is, in code points of all parts."""
        return log_length(len(self.text), self.pieces)

    def stretches(self, position: int, max_chars: int) -> Iterator[Stretch]:
        """Yields the stretches from a position on, as :func:`stretches_between` does."""
        offset = text_offset_at(position, self.pieces)
        text = self.text[offset : offset + max_chars]
        return stretches_between(position, max_chars, text=text, text_offset=offset, pieces=self.pieces)


#: The log of a reply that has nothing yet.
EMPTY_LOG = Log("")


def shows_data(pieces: Iterable[Piece]) -> bool:
    """Returns whether a reply has a data part that people see. What a reply cost is none."""
    return any(piece.kind is PartKind.DATA and not piece.body.startswith(_USAGE) for piece in pieces)


def log_length(text_length: int, segments: Sequence[Segment]) -> int:
    """Returns the length of a log, in code points of all parts.

    Args:
        text_length: the length of the text of the log.
        segments: everything in the log that is not text, in order.
    """
    return segments[-1].end + text_length - segments[-1].text_offset if segments else text_length


def bytes_of(pieces: Sequence[Piece]) -> int | None:
    """Returns how many bytes the pieces have in UTF-8, or None if there are none."""
    return sum(len(piece.body.encode()) for piece in pieces) if pieces else None


def text_offset_at(position: int, pieces: Sequence[Piece]) -> int:
    """Returns how much text precedes a position of a log, in code points.

    Args:
        position: the position; behind the last piece, only text follows.
        pieces: everything in the log that is not text, in order.
    """
    index = bisect_right(pieces, position, key=_position_of)
    if not index:
        return position
    before = pieces[index - 1]
    return before.text_offset + max(position - before.end, 0)


def stretches_between(
    position: int, max_chars: int, *, text: str, text_offset: int, pieces: Sequence[Piece]
) -> Iterator[Stretch]:
    """Yields the stretches of a log from a position on, up to `max_chars` or to the end of what is given of the log.

    A data part is never divided, so the last stretch may be longer.

    Args:
        position: the position to begin at.
        max_chars: the most code points.
        text: the text from `text_offset` on.
        text_offset: how much text precedes the position.
        pieces: everything that is not text between the position and the position `max_chars` later, in order; the first
            piece may begin before the position.
    """
    other_before = position - text_offset
    end = position + max_chars

    def read_text(offset: int, max_chars: int) -> str:
        return text[offset - text_offset : offset - text_offset + max_chars]

    while position < end:
        stretch = read_log(
            position,
            end - position,
            text_length=text_offset + len(text),
            read_text=read_text,
            segments=pieces,
            other_before=other_before,
        )
        if stretch is None:
            return
        yield stretch
        position = stretch.end_offset


def read_log(
    position: int,
    max_chars: int,
    *,
    text_length: int,
    read_text: Callable[[int, int], str],
    segments: Sequence[Segment],
    other_before: int = 0,
) -> Stretch | None:
    """Returns the stretch of a log that begins at a position, or None at the end of the log.

    A data part is never divided: a position inside it stands for its beginning, and it may be longer than `max_chars`.

    Args:
        position: the position to begin at, at most the length of the log.
        max_chars: the most code points of text or reasoning.
        text_length: the length of the text of the log.
        read_text: returns the text from an offset on, at most as many code points as its second argument says.
        segments: everything in the log that is not text, in order; what ends before the position may be left out.
        other_before: how much of what is left out, in code points.
    """
    index = bisect_right(segments, position, key=_position_of)
    before = segments[index - 1] if index else None
    if before is not None and position < before.end:
        return before.read(position, max_chars)
    offset = position - other_before if before is None else before.text_offset + position - before.end
    until = min(segments[index].text_offset, text_length) if index < len(segments) else text_length
    text = read_text(offset, min(max_chars, until - offset))
    return Stretch(text, position + len(text)) if text else None


def pieces_in(stretches: Iterable[Stretch]) -> tuple[Piece, ...]:
    """Returns everything that is not text in the stretches of a log, from its beginning on."""
    pieces: list[Piece] = []
    text_offset = 0
    for stretch in stretches:
        length = len(stretch.text)
        if stretch.kind is PartKind.TEXT:
            text_offset += length
        else:
            pieces.append(Piece(stretch.end_offset - length, text_offset, stretch.kind, stretch.text))
    return tuple(pieces)


def parts_of(text: str, pieces: Sequence[Piece]) -> Iterator[Part]:
    """Yields the parts of a log in order; neighbouring reasoning is one part."""
    taken = 0
    for (text_offset, kind), group in groupby(pieces, key=attrgetter("text_offset", "kind")):
        if text_offset > taken:
            yield Part(PartKind.TEXT, text[taken:text_offset])
            taken = text_offset
        if kind is PartKind.DATA:
            yield from (Part(kind, piece.body) for piece in group)
        else:
            yield Part(kind, "".join(piece.body for piece in group))
    if taken < len(text):
        yield Part(PartKind.TEXT, text[taken:])


def _position_of(segment: Segment) -> int:
    return segment.position
