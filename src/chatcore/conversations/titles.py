"""Derives a conversation's title from the beginning of a message, unless the user chose a title."""

from chatcore.graphemes import last_boundary
from chatcore.text import from_visible

MAX_AUTO_TITLE_CHARS = 80
_ELLIPSIS = "…"


def auto_title(content: str) -> str | None:
    """Returns the beginning of `content` as one line of at most 80 characters, or None without visible characters.

    White space is collapsed, and invisible characters at the beginning are left out. The line is cut between words,
    unless less than half of it would be left, and never within what a person sees as one character.
    """
    line = " ".join(from_visible(content).split())
    if len(line) <= MAX_AUTO_TITLE_CHARS:
        return line or None
    most = MAX_AUTO_TITLE_CHARS - len(_ELLIPSIS)
    last_space = line.rfind(" ", 0, most + 1)
    # A single character of more than 79 code points is cut all the same.
    end = last_space if last_space >= MAX_AUTO_TITLE_CHARS // 2 else last_boundary(line, most) or most
    return line[:end].rstrip() + _ELLIPSIS
