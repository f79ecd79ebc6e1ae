"""Counts the failed calls of each token."""

from cachetools import TTLCache

from chatcore.ports.clock import Clock
from chatcore_auth.token_key import TokenKey

#: The number of tokens whose failures are remembered; the oldest one is forgotten first.
MAX_SIZE = 1024
#: The number of failures in a row after which a token is refused for a pause.
FAILURES_TO_PAUSE = 3


class TokenFailures:
    """Finds the tokens on which the validator keeps failing, so that no calls are made for them during a pause.

    Args:
        clock: the clock that measures pauses by its monotonic time.
        pause_seconds: the time for which a token is refused after each failure from the third on. Failures count as
            being in a row if less than ten pauses lie between them.
    """

    def __init__(self, clock: Clock, *, pause_seconds: float) -> None:
        self._clock = clock
        self._pause_seconds = pause_seconds
        self._counts: TTLCache[TokenKey, int] = TTLCache(MAX_SIZE, 10 * pause_seconds, timer=clock.monotonic)
        self._paused: TTLCache[TokenKey, None] = TTLCache(MAX_SIZE, pause_seconds, timer=clock.monotonic)

    def is_paused(self, key: TokenKey) -> bool:
        """Returns whether the token has to be refused without a call."""
        return key in self._paused

    def record_failure(self, key: TokenKey) -> None:
        """Counts a failure against the token."""
        count = self._counts.get(key, 0) + 1
        self._counts[key] = count
        if count >= FAILURES_TO_PAUSE:
            self._paused[key] = None

    def record_answer(self, key: TokenKey) -> None:
        """Forgets the token's failures, because the validator answered."""
        self._counts.pop(key, None)
