"""What may be asked for: as many of something as can be measured, and for long enough."""

import argparse
import math

#: Shorter than this, a stream has hardly a token in the window.
_SHORTEST_SECONDS = 0.5


def count(text: str) -> int:
    """A number of at least 1.

    Raises:
        ArgumentTypeError: it is something else.
    """
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def duration(text: str) -> float:
    """Seconds, enough of them to measure something.

    Raises:
        ArgumentTypeError: it is something else.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not _SHORTEST_SECONDS <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds of at least {_SHORTEST_SECONDS}")
    return seconds
