"""Cuts the part of a text that shows best why the text was found."""

import re
from collections.abc import Sequence

from attrs import frozen

from chatcore.graphemes import is_boundary
from chatcore.search.folding import fold, sources
from chatcore.search.query import SearchQuery

#: A snippet shows about so many code points of its text.
SNIPPET_CHARS = 200
# How much of the text precedes the first word that was found.
_LEAD_CHARS = 40
# A snippet begins and ends between words if there is such a place within so many characters.
_REACH = 20
_ELLIPSIS = "…"
_SPACE = re.compile(r"\s")

_Place = tuple[int, int, int]


@frozen
class Snippet:
    """A part of a text, with the places of the words that were looked for."""

    #: One line; an ellipsis stands for what is left out before it and after it.
    text: str
    #: Starts and ends in code points of `text`, in order and apart from each other.
    highlights: tuple[tuple[int, int], ...]


def snippet_of(text: str, query: SearchQuery) -> Snippet | None:
    """Returns the part of a text that has the most words of a query, or None if the text lacks one of them."""
    folded = fold(text)
    places = query.places(folded)
    if not places:
        return None
    origins = sources(text)
    spans = [_in_text(place, origins, len(text)) for place in places]
    first = _best(spans)
    start = _cut(text, max(first - _LEAD_CHARS, 0), first)
    end = _cut(text, start + SNIPPET_CHARS, start + SNIPPET_CHARS - _REACH)
    return _snippet(text, start, end, spans)


def _in_text(place: _Place, origins: Sequence[int], length: int) -> _Place:
    """Returns a place of the folded text as one of the text that was folded."""
    start, end, word = place
    following = origins[end] if end < len(origins) else length
    # What was left out behind the last character belongs to it, such as an accent.
    return origins[start], max(origins[end - 1] + 1, following), word


def _best(spans: Sequence[_Place]) -> int:
    """Returns the first start from which a snippet has the most words."""
    reach = SNIPPET_CHARS - _LEAD_CHARS - _REACH

    def words_from(start: int) -> int:
        return len({word for begins, ends, word in spans if start <= begins and ends <= start + reach})

    return max((start for start, _, _ in spans), key=words_from)


def _cut(text: str, position: int, towards: int) -> int:
    """Returns a place between words, or else between characters, near a position and in the given direction."""
    if not 0 < position < len(text):
        return min(position, len(text))
    step = 1 if towards > position else -1
    nearby = range(position, position + step * _REACH if abs(towards - position) > _REACH else towards, step)
    for place in nearby:
        if text[place - 1].isspace() != text[place].isspace():
            return place
    return next((place for place in nearby if is_boundary(text, place)), position)


def _snippet(text: str, start: int, end: int, spans: Sequence[_Place]) -> Snippet:
    before = _ELLIPSIS if start else ""
    after = _ELLIPSIS if end < len(text) else ""
    shown = _SPACE.sub(" ", text[start:end])
    offset = len(before) - start
    highlights: list[tuple[int, int]] = []
    for begins, ends, _ in sorted(spans):
        if begins < start or begins >= end:
            continue
        here = (begins + offset, min(ends, end) + offset)
        if highlights and here[0] <= highlights[-1][1]:
            here = (highlights[-1][0], max(highlights.pop()[1], here[1]))
        highlights.append(here)
    return Snippet(before + shown + after, tuple(highlights))
