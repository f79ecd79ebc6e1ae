"""Chooses the messages of a conversation that the model sees.

The limits here are our own budgets, a matter of taste and cost. An inference service may have stricter limits; its
adapter applies them.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from attrs import define, field, frozen

from chatcore.conversations.message import Role
from chatcore.errors import FieldProblem, InvalidInputError
from chatcore.text import MAX_CONTENT_CHARS

#: Most messages that are ever sent to the model, which bounds the rows that the storage reads for one turn.
MAX_HISTORY_MESSAGES = 500

# What separates the texts of neighbours that become one message.
_BLANK_LINE = "\n\n"
# The question of a reply that does not fit whole gets at most this part of the room, as a divisor.
_QUESTION_SHARE = 4

Measure = Callable[[str], int]


@frozen
class HistoryMessage:
    """A message as the model sees it."""

    role: Role
    content: str


@frozen(kw_only=True)
class HistoryLimits:
    """Bounds how much of a conversation is sent to the model with a new message.

    Raises:
        InvalidInputError: a limit is below 1.
    """

    #: Most messages, the newest included.
    max_messages: int = 50
    #: Most content in total, in units of `measure`; the newest message is sent even if it alone exceeds the budget, and
    #: of the oldest one, if it does not fit whole, the end.
    budget: int = 6000
    #: Most characters of one message. Of a longer message, which can only be a reply, only the end is sent.
    max_message_chars: int = MAX_CONTENT_CHARS
    #: The function that returns the cost of a text: the number of its characters, unless another function is passed.
    measure: Measure = field(default=len, eq=False)

    def __attrs_post_init__(self) -> None:
        for name in ("max_messages", "budget", "max_message_chars"):
            if getattr(self, name) < 1:
                raise InvalidInputError(FieldProblem(name, "must be at least 1"))


class _Said(Protocol):
    """A message of any kind, as far as the model is concerned."""

    @property
    def role(self) -> Role: ...

    @property
    def content(self) -> str: ...


@define
class _Speech:
    """What one side said without interruption."""

    role: Role
    #: The contents of the messages, oldest first; none is empty.
    parts: list[str]

    @property
    def text(self) -> str:
        return _BLANK_LINE.join(self.parts)

    def end(self, room: int, limits: HistoryLimits) -> str:
        """Returns the end of the text that costs at most `room`, as far as one message may be long."""
        end = _tail(self.parts[-1], room, limits.measure)
        for part in reversed(self.parts[:-1]):
            tail = _tail(part, room - limits.measure(_BLANK_LINE + end), limits.measure)
            if not tail:
                break
            end = tail + _BLANK_LINE + end
        return end[-limits.max_message_chars :]


def trim(path: Sequence[_Said], limits: HistoryLimits) -> tuple[HistoryMessage, ...]:
    """Returns the newest part of `path` that fits, oldest first.

    The result begins with a user message, and the roles alternate. Messages without text are left out. Neighbours of
    one role become one message, with a blank line between their texts; a message that is not the assistant's counts as
    the user's. Only the end of the oldest message goes along where the whole message does not fit. If that message is a
    reply, its question goes along as well: the end of the question, if it needs more than a quarter of the room.

    Args:
        path: an active path that ends with the message to be answered.
        limits: the limits to apply. The newest message is kept even if it alone exceeds the budget.
    """
    speeches = _speeches(path, limits.max_message_chars)
    if not speeches:
        return ()
    newest = speeches.pop()
    text = newest.end(max(limits.budget, limits.measure(newest.parts[-1])), limits)
    kept = [HistoryMessage(newest.role, text), *_earlier(speeches, limits.budget - limits.measure(text), limits)]
    del kept[limits.max_messages :]
    while len(kept) > 1 and kept[-1].role is Role.ASSISTANT:
        kept.pop()
    kept.reverse()
    return tuple(kept)


def _speeches(path: Sequence[_Said], max_chars: int) -> list[_Speech]:
    speeches: list[_Speech] = []
    for message in path:
        role = Role.ASSISTANT if message.role is Role.ASSISTANT else Role.USER
        content = message.content[-max_chars:]
        if not content:
            continue
        if speeches and speeches[-1].role is role:
            speeches[-1].parts.append(content)
        else:
            speeches.append(_Speech(role, [content]))
    return speeches


def _earlier(speeches: list[_Speech], room: int, limits: HistoryLimits) -> Iterator[HistoryMessage]:
    """Yields the messages before the newest one, newest first, up to the first that does not fit whole."""
    is_cut = False
    while speeches and not (is_cut and speeches[-1].role is Role.ASSISTANT):
        speech = speeches.pop()
        whole = speech.end(limits.measure(speech.text), limits)
        end = whole
        if limits.measure(whole) >= room:
            question = speeches[-1].text if speech.role is Role.ASSISTANT and speeches else ""
            end = speech.end(room - min(limits.measure(question), max(room // _QUESTION_SHARE, 1)), limits)
        if not end:
            return
        yield HistoryMessage(speech.role, end)
        is_cut = is_cut or end != whole
        room -= limits.measure(end)


def _tail(text: str, room: int, measure: Measure) -> str:
    """Returns the longest end of the text that costs at most `room`."""
    if measure(text) <= room:
        return text
    chars = bisect_right(range(1, len(text) + 1), room, key=lambda count: measure(text[-count:]))
    return text[len(text) - chars :]
