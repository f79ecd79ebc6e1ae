"""The log of a reply as the fault tests see it: what was said, shown or stored, of every kind, in order."""

import json
from collections.abc import Iterable
from typing import Self

from attrs import frozen

from chatcore.conversations.log import Log as StoredLog
from chatcore.conversations.log import Piece
from chatcore.conversations.parts import PartKind


class Thought(str):
    """Reasoning that a model sends in one event."""

    __slots__ = ()


class Data(str):
    """A data part that a model sends, in JSON."""

    __slots__ = ()


def kind_of(said: str) -> PartKind:
    """Returns what a model says with something: text unless it is marked as something else."""
    if isinstance(said, Thought):
        return PartKind.REASONING
    return PartKind.DATA if isinstance(said, Data) else PartKind.TEXT


@frozen
class Log:
    """A log, code point by code point."""

    chars: str = ""
    #: The initial of the kind of each code point.
    kinds: str = ""

    @classmethod
    def of(cls, said: Iterable[str]) -> Self:
        """Returns the log of what a model says."""
        log = cls()
        for each in said:
            log = log.with_more(kind_of(each), each)
        return log

    @classmethod
    def stored(cls, text: str, pieces: Iterable[tuple[int, int, str, str]]) -> Self:
        """Returns the log of a text, with what is not text by position, text offset, kind and body."""
        log, whole = (
            cls(),
            StoredLog(text, [Piece(at, offset, PartKind(kind), body) for at, offset, kind, body in pieces]),
        )
        for stretch in whole.stretches(0, whole.length + 1):
            log = log.with_more(stretch.kind, stretch.text)
        return log

    def with_more(self, kind: PartKind, body: str) -> Self:
        """Returns the log with something more at its end."""
        return type(self)(self.chars + body, self.kinds + kind.value[0] * len(body))

    def until(self, length: int) -> Self:
        """Returns the first code points of the log."""
        return type(self)(self.chars[:length], self.kinds[:length])

    def starts_with(self, other: "Log") -> bool:
        """Returns whether another log is the beginning of this one."""
        return self.until(len(other)) == other

    def __add__(self, other: "Log") -> Self:
        return type(self)(self.chars + other.chars, self.kinds + other.kinds)

    def __len__(self) -> int:
        return len(self.chars)

    @property
    def text(self) -> str:
        """Returns the text of the log."""
        return "".join(char for char, kind in zip(self.chars, self.kinds, strict=True) if kind == PartKind.TEXT[0])


def event_of(said: str) -> bytes:
    """Returns the event in which a model says something that is not text."""
    data = str(said) if isinstance(said, Data) else json.dumps({"reasoning": said})
    return f"data: {data}\n\n".encode()
