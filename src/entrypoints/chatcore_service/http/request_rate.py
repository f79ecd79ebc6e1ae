"""Limits how many requests a user may send in a minute."""

from math import floor
from typing import Final

from chatcore import UserId
from chatcore.ports import Clock

_WINDOW_SECONDS: Final = 60.0


class RequestRate:
    """Counts the requests of each user over the last minute.

    The time is divided into windows of a minute. The count of a user is the count of the present window, plus the part
    of the previous window's count that falls within the last 60 seconds, as if those requests had been spread evenly.
    So the class keeps two numbers for a user, whatever the limit, and none for a user who sent nothing for two windows.

    Args:
        max_per_minute: the most requests of a user in a minute, at least 1.
        clock: the clock that ends the windows.
    """

    def __init__(self, max_per_minute: int, clock: Clock) -> None:
        self._most = max_per_minute
        self._clock = clock
        self._window = 0
        self._present: dict[UserId, int] = {}
        self._before: dict[UserId, int] = {}

    @property
    def known_users(self) -> int:
        """Returns how many users have a count."""
        return len(self._present.keys() | self._before.keys())

    def take(self, user_id: UserId) -> int:
        """Counts a request; if the limit is reached, counts nothing and returns the seconds to wait, from 1 to 61."""
        elapsed = self._advance()
        present = self._present.get(user_id, 0)
        before = self._before.get(user_id, 0)
        if present + before * (1 - elapsed) < self._most:
            self._present[user_id] = present + 1
            return 0
        # Either the present window fills the limit alone, or the window before must count for less.
        end = 1.0 if present >= self._most else 1 - (self._most - present) / before
        # The fraction outweighs the rounding errors, so that the wait is never too short.
        return floor((end - elapsed) * _WINDOW_SECONDS + 0.001) + 1

    def _advance(self) -> float:
        """Ends windows that are over; returns the part of the present window that has elapsed, from 0 to 1."""
        windows = self._clock.monotonic() / _WINDOW_SECONDS
        window = floor(windows)
        if window != self._window:
            self._before = self._present if window == self._window + 1 else {}
            self._present = {}
            self._window = window
        return windows - window
