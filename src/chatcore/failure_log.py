"""Logs the failures of background work with the standard library, for programs that have no observer of their own."""

import logging

from chatcore.errors import ChatError
from chatcore.ports.observer import NullObserver

_log = logging.getLogger("chatcore")


class FailureLog(NullObserver):
    """Logs failures to the logger `chatcore`, and ignores all other events.

    A :class:`~chatcore.errors.ChatError`, such as an unavailable storage, is logged as a warning of one line, because
    the work is retried. Any other error is a bug, of an adapter for example, and is logged with its traceback.
    """

    def failed(self, what: str, error: Exception) -> None:
        """Logs the failure."""
        if isinstance(error, ChatError):
            _log.warning("%s failed: %s", what, error)
        else:
            _log.error("%s failed", what, exc_info=error)
