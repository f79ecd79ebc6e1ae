"""Fits the messages of a request into the limits of the samosachaat inference service.

The service refuses a request that exceeds any of these limits.
"""

from collections.abc import Sequence

from chatcore.conversations.history import HistoryLimits, HistoryMessage, trim

#: Most messages in one request.
MAX_MESSAGES = 500
#: Most characters of one message.
MAX_MESSAGE_CHARS = 8000
#: Most characters of all messages of a request together.
MAX_TOTAL_CHARS = 32_000

_LIMITS = HistoryLimits(max_messages=MAX_MESSAGES, budget=MAX_TOTAL_CHARS, max_message_chars=MAX_MESSAGE_CHARS)


def within_limits(messages: Sequence[HistoryMessage]) -> tuple[HistoryMessage, ...]:
    """Returns the newest part of the messages that the service accepts, oldest first.

    A message that is too long keeps its end, because the conversation went on from there. The result is what
    :func:`chatcore.conversations.history.trim` gives for the limits of the service.
    """
    return trim(messages, _LIMITS)
