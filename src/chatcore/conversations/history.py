"""History trimming: which part of a conversation the model is shown.

The newest messages that fit, oldest first, within two kinds of bounds: our own (:class:`HistoryLimits`, a matter
of taste and cost) and the inference service's (constants below, a matter of being answered at all).
"""

from collections.abc import Callable, Iterable, Sequence

from attrs import evolve, field, frozen

from chatcore.conversations.message import Message, Role
from chatcore.errors import FieldProblem, InvalidInputError

#: What the inference service takes in one call.
MAX_INFERENCE_MESSAGES = 500
MAX_INFERENCE_MESSAGE_CHARS = 8000
MAX_INFERENCE_TOTAL_CHARS = 32_000

_SEPARATOR = "\n\n"

Measure = Callable[[str], int]


@frozen
class HistoryMessage:
    """One message as the model is shown it."""

    #: `user` or `assistant`; the inference service knows no other.
    role: Role
    #: At most 8000 characters.
    content: str


@frozen(kw_only=True)
class HistoryLimits:
    """How much of a conversation goes along with a new message.

    Raises:
        InvalidInputError: a limit is below 1.
    """

    #: Most messages, the newest included.
    max_messages: int = 50
    #: Most content in all, in units of `measure`; the newest message goes along even if it alone is more.
    budget: int = 6000
    #: What a text costs; characters unless another measure, such as a tokenizer's count, is passed in.
    measure: Measure = field(default=len, eq=False)

    def __attrs_post_init__(self) -> None:
        for name in ("max_messages", "budget"):
            if getattr(self, name) < 1:
                raise InvalidInputError(FieldProblem(name, "must be at least 1"))


def trim(path: Sequence[Message], limits: HistoryLimits) -> tuple[HistoryMessage, ...]:
    """What the model is shown of `path`, an active path that ends with the message to be answered.

    System messages stay however old they are and are put at the head of the first user message, since the
    inference service takes no such role. Replies without text are left out. A message that is longer than the
    inference service takes keeps its end, which is what the conversation went on from.
    """
    said = [message for message in path if message.content]
    system = _SEPARATOR.join(m.content for m in said if m.role is Role.SYSTEM)
    turns = [HistoryMessage(m.role, _tail(m.content)) for m in said if m.role is not Role.SYSTEM]
    kept = _newest_that_fit(turns, limits, system)
    return _with_system(kept, system) if system else kept


def _newest_that_fit(turns: Sequence[HistoryMessage], limits: HistoryLimits, system: str) -> tuple[HistoryMessage, ...]:
    count = min(limits.max_messages, MAX_INFERENCE_MESSAGES)
    budget = limits.budget - limits.measure(system)
    # Between the instructions and what they are put before stands a separator. It is no content, but it is sent.
    chars = MAX_INFERENCE_TOTAL_CHARS - len(system) - (len(_SEPARATOR) if system else 0)
    kept: list[HistoryMessage] = []
    for turn in reversed(turns[-count:]):
        budget -= limits.measure(turn.content)
        chars -= len(turn.content)
        if kept and (budget < 0 or chars < 0):
            break
        kept.append(turn)
    kept.reverse()
    return tuple(kept)


def _with_system(turns: Iterable[HistoryMessage], system: str) -> tuple[HistoryMessage, ...]:
    folded = list(turns)
    for index, turn in enumerate(folded):
        if turn.role is Role.USER:
            # The user's own words are never cut to make room for the instructions.
            room = MAX_INFERENCE_MESSAGE_CHARS - len(turn.content) - len(_SEPARATOR)
            if room > 0:
                folded[index] = evolve(turn, content=system[:room] + _SEPARATOR + turn.content)
            break
    return tuple(folded)


def _tail(content: str) -> str:
    return content[-MAX_INFERENCE_MESSAGE_CHARS:]
