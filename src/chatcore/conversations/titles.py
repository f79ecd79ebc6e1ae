"""Derives a conversation's title from a message or from a model's answer, unless the user chose a title."""

import re
from enum import StrEnum

from chatcore.graphemes import last_boundary
from chatcore.text import from_visible

MAX_AUTO_TITLE_CHARS = 80
MAX_AUTO_TITLE_WORDS = 8
_ELLIPSIS = "…"

# What models put before a title: the mark of a heading, and a label in the language of the conversation. \uff1a is the
# colon of Chinese and Japanese.
_LEADING = re.compile(
    r"\A(?:#+\s+|[*_]*(?:title|titel|titre|título|titolo|标题|標題|タイトル|제목)[*_\s]*[:\uff1a][*_\s]*)",
    re.IGNORECASE,
)
# What models put around a title: emphasis and the quotation marks of several languages.
_AROUND = (
    *(("**", "**"), ("__", "__"), ("*", "*"), ("_", "_"), ("`", "`"), ('"', '"'), ("'", "'"), ("“", "”"), ("„", "“")),
    *(("„", "”"), ("\u2018", "\u2019"), ("\u201a", "\u2018"), ("«", "»"), ("»", "«"), ("\u2039", "\u203a")),
    *(("「", "」"), ("『", "』")),
)
# A line that ends so announces the title.
_ANNOUNCEMENT = (":", "\uff1a")
# Some models think aloud in their text.
_THOUGHTS = "<think>"


class AutoTitle(StrEnum):
    """Names what a conversation without a title of its user's choice is called after its first reply."""

    #: The beginning of its first message.
    TRUNCATE = "truncate"
    #: What the model calls it; until then, and if the model fails, as TRUNCATE.
    MODEL = "model"


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


def title_from_answer(answer: str) -> str | None:
    """Returns the title in a model's answer to the request for a title, or None if there is none to see.

    The title is the first line that has visible text and does not announce the title, without the quotes, emphasis,
    marks of headings and labels around it. It has at most eight words and, like :func:`auto_title`, 80 characters.
    """
    if answer.lstrip().startswith(_THOUGHTS):
        return None
    for line in answer.splitlines():
        words = _without_marks(line).split()
        title = auto_title(" ".join(words[:MAX_AUTO_TITLE_WORDS]) + (_ELLIPSIS if words[MAX_AUTO_TITLE_WORDS:] else ""))
        if title is not None and not words[-1].endswith(_ANNOUNCEMENT):
            return title
    return None


def _without_marks(line: str) -> str:
    bare = line.strip()
    while (barer := _LEADING.sub("", _without_pair(bare)).strip()) != bare:
        bare = barer
    return bare


def _without_pair(line: str) -> str:
    for opening, closing in _AROUND:
        inner = line[len(opening) : -len(closing)]
        if opening + inner + closing == line and opening not in inner and closing not in inner:
            return inner
    return line
