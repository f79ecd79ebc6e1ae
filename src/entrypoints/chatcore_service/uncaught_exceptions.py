"""Logs uncaught exceptions like all other exceptions, without their text.

By default, Python writes an uncaught exception to standard error, in many lines and with a text that may contain any
data.
"""

import sys
import threading
from types import TracebackType

import structlog

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


def log_uncaught_exceptions() -> None:
    """Installs the hooks in this process; call it after :func:`chatcore_service.logs.configure_logging`."""
    sys.excepthook = _log_process_end
    threading.excepthook = _log_thread_end
    sys.unraisablehook = _log_unraisable


def _log_process_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    _log.critical("an exception ended the process", exc_info=(kind, error, trace))


def _log_thread_end(args: threading.ExceptHookArgs) -> None:
    _log.error("an exception ended a thread", exc_info=args.exc_value)


def _log_unraisable(args: "sys.UnraisableHookArgs") -> None:
    _log.error("an exception could not be raised", exc_info=args.exc_value)
