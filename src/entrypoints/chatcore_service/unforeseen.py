"""Exceptions that nobody caught: logged like any other, without what they quote.

By itself Python writes them to standard error, in many lines, with their text and whatever a library has put into it.
"""

import sys
import threading
from types import TracebackType

import structlog

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


def log_uncaught_exceptions() -> None:
    """From now on, in this process; where its logs are set up."""
    sys.excepthook = _ended_the_process
    threading.excepthook = _ended_a_thread
    sys.unraisablehook = _could_not_be_raised


def _ended_the_process(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    _log.critical("an exception ended the process", exc_info=(kind, error, trace))


def _ended_a_thread(args: threading.ExceptHookArgs) -> None:
    _log.error("an exception ended a thread", exc_info=args.exc_value)


def _could_not_be_raised(args: "sys.UnraisableHookArgs") -> None:
    _log.error("an exception could not be raised", exc_info=args.exc_value)
