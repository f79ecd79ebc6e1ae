"""Fits the messages and instructions of a request into the limits of the samosachaat inference service.

The service refuses a request that exceeds any of these limits.
"""

from collections.abc import Sequence

from chatcore.conversations.history import BLANK_LINE, HistoryLimits, HistoryMessage, trim
from chatcore.conversations.message import Role

#: Most messages in one request.
MAX_MESSAGES = 500
#: Most characters of one message.
MAX_MESSAGE_CHARS = 8000
#: Most characters of all messages of a request together.
MAX_TOTAL_CHARS = 32_000

_LIMITS = HistoryLimits(max_messages=MAX_MESSAGES, budget=MAX_TOTAL_CHARS, max_message_chars=MAX_MESSAGE_CHARS)
# The characters of a message that consists of instructions, a blank line and a text.
_ROOM = MAX_MESSAGE_CHARS - len(BLANK_LINE)


def within_limits(
    messages: Sequence[HistoryMessage], instructions: str | None = None, *, so_far: str = ""
) -> tuple[HistoryMessage, ...]:
    """Returns the newest part of the messages that the service accepts, oldest first.

    A message that is too long keeps its end, because the conversation went on from there. The result is what
    :func:`chatcore.conversations.history.trim` gives for the limits of the service. The service takes messages of users
    and assistants only, so the instructions stand at the beginning of the user's first message.

    Args:
        messages: the messages, the message to be answered last.
        instructions: the instructions of the conversation.
        so_far: the beginning of the answer, which becomes the last message.
    """
    if so_far:
        messages = [*messages, HistoryMessage(Role.ASSISTANT, so_far)]
    if not instructions:
        return trim(messages, _LIMITS)
    instructions = instructions[:MAX_MESSAGE_CHARS]
    return _instructed(trim(messages, _LIMITS, instructions + BLANK_LINE), instructions)


def _instructed(messages: Sequence[HistoryMessage], instructions: str) -> tuple[HistoryMessage, ...]:
    """Puts the instructions before the first message, which keeps the end for which there is room."""
    if not messages or messages[0].role is Role.ASSISTANT:
        return (HistoryMessage(Role.USER, instructions), *messages)
    first, *later = messages
    if all(message.role is Role.ASSISTANT for message in later):
        # The message to be answered must not give way altogether, so each of the two gets at least half of the room.
        instructions = instructions[: max(_ROOM // 2, _ROOM - len(first.content))]
    room = max(_ROOM - len(instructions), 0)
    text = first.content[max(len(first.content) - room, 0) :]
    return (HistoryMessage(Role.USER, f"{instructions}{BLANK_LINE}{text}" if text else instructions), *later)
