"""A title for a conversation that its user gave none: the beginning of the first message."""

from chatcore.conversations.conversation import DEFAULT_TITLE

MAX_AUTO_TITLE_CHARS = 80
_ELLIPSIS = "…"


def auto_title(content: str) -> str:
    """One line of at most 80 characters, white space collapsed, cut at a word where there is one.

    The default title where `content` is nothing but white space.
    """
    line = " ".join(content.split())
    if len(line) <= MAX_AUTO_TITLE_CHARS:
        return line or DEFAULT_TITLE
    kept = line[: MAX_AUTO_TITLE_CHARS - len(_ELLIPSIS)]
    if line[len(kept)] != " " and " " in kept:
        kept = kept[: kept.rindex(" ")]
    return kept.rstrip() + _ELLIPSIS
