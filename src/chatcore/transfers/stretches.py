"""Divides the parts of a reply that comes from elsewhere as ours are divided."""

from collections.abc import Iterable

from chatcore.conversations.log import MAX_PIECE_CHARS, Stretch
from chatcore.conversations.parts import PartKind


def stretches_of(parts: Iterable[tuple[PartKind, str]]) -> list[Stretch]:
    """Returns the log with these parts, in order: long reasoning is divided into pieces, and nothing is empty."""
    stretches: list[Stretch] = []
    end = 0
    for kind, text in parts:
        room = MAX_PIECE_CHARS if kind is PartKind.REASONING else max(len(text), 1)
        for start in range(0, len(text), room):
            section = text[start : start + room]
            end += len(section)
            stretches.append(Stretch(section, end, kind))
    return stretches


def text_of(stretches: Iterable[Stretch]) -> str:
    """Returns the text of a log."""
    return "".join(stretch.text for stretch in stretches if stretch.kind is PartKind.TEXT)
