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
from chatcore.input_limits import MAX_CONTENT_CHARS

#: Most messages that are ever sent to the model, which bounds the rows that the storage reads for one turn.
MAX_HISTORY_MESSAGES = 500

#: The text between two texts that become one message.
BLANK_LINE = "\n\n"
# The question of a reply that does not fit whole gets at most a quarter of the room.
_QUESTION_DIVISOR = 4

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
    #: Most content in total, instructions included, in units of `measure`. The instructions and the newest message are
    #: sent even if they exceed the budget. If the oldest message does not fit whole, its end is sent.
    budget: int = 6000
    #: Most characters of one message. Of a longer message, which can only be a reply, only the end is sent.
    max_message_chars: int = MAX_CONTENT_CHARS
    #: The function that returns the cost of a text: the number of its characters, unless another function is passed.
    measure: Measure = field(default=len, eq=False)

    def __attrs_post_init__(self) -> None:
        for name in ("max_messages", "budget", "max_message_chars"):
            if getattr(self, name) < 1:
                raise InvalidInputError(FieldProblem(name, "must be at least 1"))


class _HasText(Protocol):
    """Is a message of the core or of the history: the model is shown its role and its text."""

    @property
    def role(self) -> Role: ...

    @property
    def content(self) -> str: ...


@define
class _Run:
    """Holds consecutive messages of one role, which the model is shown as one message."""

    role: Role
    #: The contents of the messages, oldest first; none is empty.
    parts: list[str]

    @property
    def text(self) -> str:
        return BLANK_LINE.join(self.parts)

    def end(self, room: int, limits: HistoryLimits) -> str:
        """Returns the longest end of the text that costs at most `room` and that one message may have."""
        end = _tail(self.parts[-1], room, limits.measure)
        for part in reversed(self.parts[:-1]):
            tail = _tail(part, room - limits.measure(BLANK_LINE + end), limits.measure)
            if not tail:
                break
            end = tail + BLANK_LINE + end
        return end[-limits.max_message_chars :]


def trim(
    path: Sequence[_HasText], limits: HistoryLimits, instructions: str | None = None
) -> tuple[HistoryMessage, ...]:
    """Returns the newest part of `path` that fits, oldest first.

    The result begins with a user message, and the roles alternate. Messages without text are left out. Neighbours of
    one role become one message, with a blank line between their texts; a message that is not the assistant's counts as
    the user's. If the oldest message does not fit whole, the result has only its end. If that message is a reply, the
    result has its question as well: only the end of the question, if the whole question needs more than a quarter of
    the room.

    Args:
        path: an active path that ends with the message to be answered.
        limits: the limits to apply. The newest message is kept even if it alone exceeds the budget.
        instructions: the instructions that are sent before the result. They reduce its budget, and are not part of it.
    """
    runs = _runs(path, limits.max_message_chars)
    if not runs:
        return ()
    budget = limits.budget - (limits.measure(instructions) if instructions else 0)
    newest = runs.pop()
    text = newest.end(max(budget, limits.measure(newest.parts[-1])), limits)
    kept = [HistoryMessage(newest.role, text), *_earlier(runs, budget - limits.measure(text), limits)]
    del kept[limits.max_messages :]
    while len(kept) > 1 and kept[-1].role is Role.ASSISTANT:
        kept.pop()
    kept.reverse()
    return tuple(kept)


def _runs(path: Sequence[_HasText], max_chars: int) -> list[_Run]:
    runs: list[_Run] = []
    for message in path:
        role = Role.ASSISTANT if message.role is Role.ASSISTANT else Role.USER
        content = message.content[-max_chars:]
        if not content:
            continue
        if runs and runs[-1].role is role:
            runs[-1].parts.append(content)
        else:
            runs.append(_Run(role, [content]))
    return runs


def _earlier(runs: list[_Run], room: int, limits: HistoryLimits) -> Iterator[HistoryMessage]:
    """Yields the messages before the newest one, newest first, up to the first that does not fit whole."""
    is_cut = False
    while runs and not (is_cut and runs[-1].role is Role.ASSISTANT):
        run = runs.pop()
        whole = run.end(limits.measure(run.text), limits)
        end = whole
        if limits.measure(whole) >= room:
            question = runs[-1].text if run.role is Role.ASSISTANT and runs else ""
            end = run.end(room - min(limits.measure(question), max(room // _QUESTION_DIVISOR, 1)), limits)
        if not end:
            return
        yield HistoryMessage(run.role, end)
        is_cut = is_cut or end != whole
        room -= limits.measure(end)


def _tail(text: str, room: int, measure: Measure) -> str:
    """Returns the longest end of the text that costs at most `room`."""
    if measure(text) <= room:
        return text
    chars = bisect_right(range(1, len(text) + 1), room, key=lambda count: measure(text[-count:]))
    return text[len(text) - chars :]
