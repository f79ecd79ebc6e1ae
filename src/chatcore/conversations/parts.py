"""Defines the parts of a reply: text, reasoning, and data."""

import re
from enum import StrEnum

from attrs import frozen

#: Most data parts of one reply that are stored.
MAX_DATA_PARTS = 1000
#: Most bytes of all data parts of one reply that are stored, in UTF-8.
MAX_DATA_BYTES = 256 * 1024

#: Most levels of a data part that is stored, and most digits of its numbers. Many parsers have such limits, and a reply
#: beyond them would make its whole conversation unreadable.
MAX_DATA_LEVELS, MAX_DIGITS = 100, 1000

_STRING = r'"(?:[^"\\]|\\.)*+"'
_STRINGS = re.compile(_STRING)
_STRING_OR_SPACE = re.compile(rf"({_STRING})|[ \t\n\r]++")
_LONG_NUMBER = re.compile(rf"[0-9]{{{MAX_DIGITS + 1}}}")


class PartKind(StrEnum):
    """Names the kinds of parts."""

    TEXT = "text"
    #: What the model thought before or between its text.
    REASONING = "reasoning"
    #: A JSON object that is neither, such as a tool call, a tool result or a citation.
    DATA = "data"


@frozen
class Part:
    """One part of a reply."""

    kind: PartKind
    #: The text, the reasoning, or the JSON of the object as the model sent it, without white space between its tokens.
    body: str


def data_part(json: str) -> Part:
    """Returns the data part for an object as the model sent it, in JSON; only the white space outside strings goes."""
    return Part(PartKind.DATA, _STRING_OR_SPACE.sub(r"\1", json))


def is_readable(json: str) -> bool:
    """Returns whether the parsers of all clients read an object: its levels and the digits of its numbers are few."""
    if json.count("[") + json.count("{") <= MAX_DATA_LEVELS and len(json) <= MAX_DIGITS:
        return True
    rest = _STRINGS.sub("", json)
    level = deepest = 0
    for char in rest:
        if char in "[{":
            level += 1
            deepest = max(deepest, level)
        elif char in "]}":
            level -= 1
    return deepest <= MAX_DATA_LEVELS and not _LONG_NUMBER.search(rest)
