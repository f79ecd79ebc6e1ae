"""Titles a conversation by the beginning of its first message, unless the user chose a title."""

from chatcore.conversations.conversation import DEFAULT_TITLE

MAX_AUTO_TITLE_CHARS = 80
_ELLIPSIS = "…"


def auto_title(content: str) -> str:
    """Returns one line of at most 80 characters, with white space collapsed, cut between words where possible.

    Returns the default title when `content` has nothing but white space.
    """
    line = " ".join(content.split())
    if len(line) <= MAX_AUTO_TITLE_CHARS:
        return line or DEFAULT_TITLE
    kept = line[: MAX_AUTO_TITLE_CHARS - len(_ELLIPSIS)]
    if line[len(kept)] != " " and " " in kept:
        kept = kept[: kept.rindex(" ")]
    return kept.rstrip() + _ELLIPSIS
