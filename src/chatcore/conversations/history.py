"""Chooses the messages of a conversation that the model sees.

The limits here are our own budgets, a matter of taste and cost. An inference service may have stricter limits; its
adapter applies them.
"""

from collections.abc import Callable, Sequence

from attrs import field, frozen

from chatcore.conversations.message import Message, Role
from chatcore.errors import FieldProblem, InvalidInputError
from chatcore.text import MAX_CONTENT_CHARS

#: Most messages that are ever sent to the model, which bounds the rows that the storage reads for one turn.
MAX_HISTORY_MESSAGES = 500

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
    #: Most content in total, in units of `measure`; the newest message is sent even if it alone exceeds the budget.
    budget: int = 6000
    #: Most characters of one message. Of a longer message, which can only be a reply, only the end is sent.
    max_message_chars: int = MAX_CONTENT_CHARS
    #: The function that returns the cost of a text: the number of its characters, unless another function is passed.
    measure: Measure = field(default=len, eq=False)

    def __attrs_post_init__(self) -> None:
        for name in ("max_messages", "budget", "max_message_chars"):
            if getattr(self, name) < 1:
                raise InvalidInputError(FieldProblem(name, "must be at least 1"))


def trim(path: Sequence[Message], limits: HistoryLimits) -> tuple[HistoryMessage, ...]:
    """Returns the newest messages of `path` that fit, oldest first, without messages that have no text.

    Args:
        path: an active path that ends with the message to be answered.
        limits: the limits to apply. The newest message is kept even if it alone exceeds the budget, and the first older
            message that does not fit ends the search.
    """
    kept: list[HistoryMessage] = []
    budget = limits.budget
    with_text = [message for message in path if message.content]
    for message in reversed(with_text[-limits.max_messages :]):
        content = message.content[-limits.max_message_chars :]
        budget -= limits.measure(content)
        if kept and budget < 0:
            break
        kept.append(HistoryMessage(message.role, content))
    kept.reverse()
    return tuple(kept)
