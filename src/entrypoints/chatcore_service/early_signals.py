"""Ends the process at once on a signal that arrives before the server can drain."""

import os
import signal
from types import FrameType

_SIGNAL_STATUS = 128


def end_at_once_on_signals() -> None:
    """Installs handlers of SIGTERM and SIGINT that end the process, until the server installs its own.

    Python's handler of SIGINT raises an exception, which is lost where Python can only report exceptions, such as in
    a destructor. The default action of both signals would do, but Linux ignores it in the first process of a container.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    # The exit status is the one that shells report for a program that a signal has ended.
    os._exit(_SIGNAL_STATUS + number)
