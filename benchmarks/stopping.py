"""Ctrl-C and its relatives, while something is measured."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from chatcore_dev.interruption import StopRequestedError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stoppable() -> Generator[None]:
    """Has the first request to stop end the block at once, wherever it waits.

    Later ones go to whom they went to before the block: who is tidying up is not to be kept from it.

    Raises:
        StopRequestedError: the end was requested.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def give_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        give_back()
        raise StopRequestedError

    for number in _SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    finally:
        give_back()
