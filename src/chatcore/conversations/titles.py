"""Derives a conversation's title from the beginning of its first message, unless the user chose a title."""

from chatcore.conversations.conversation import DEFAULT_TITLE

MAX_AUTO_TITLE_CHARS = 80
_ELLIPSIS = "…"


def auto_title(content: str) -> str:
    """Returns the beginning of `content` as one line of at most 80 characters.

    White space is collapsed, and the line is cut between words where possible. Content that has nothing but white space
    gives the default title.
    """
    line = " ".join(content.split())
    if len(line) <= MAX_AUTO_TITLE_CHARS:
        return line or DEFAULT_TITLE
    kept = line[: MAX_AUTO_TITLE_CHARS - len(_ELLIPSIS)]
    if line[len(kept)] != " " and " " in kept:
        kept = kept[: kept.rindex(" ")]
    return kept.rstrip() + _ELLIPSIS
