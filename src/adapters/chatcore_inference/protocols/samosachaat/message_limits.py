"""Fits the messages of a request into the limits of the samosachaat inference service.

The service refuses a request that exceeds any of these limits.
"""

from collections.abc import Sequence

from chatcore.conversations.history import HistoryMessage

#: Most messages in one request.
MAX_MESSAGES = 500
#: Most characters of one message.
MAX_MESSAGE_CHARS = 8000
#: Most characters of all messages of a request together.
MAX_TOTAL_CHARS = 32_000


def within_limits(messages: Sequence[HistoryMessage]) -> list[HistoryMessage]:
    """Returns the newest of the messages that the service accepts, oldest first.

    A message that is too long keeps its end, because the conversation went on from there.
    """
    kept: list[HistoryMessage] = []
    chars_left = MAX_TOTAL_CHARS
    for message in reversed(messages[-MAX_MESSAGES:]):
        content = message.content[-MAX_MESSAGE_CHARS:]
        chars_left -= len(content)
        if chars_left < 0:
            break
        kept.append(HistoryMessage(message.role, content))
    kept.reverse()
    return kept
