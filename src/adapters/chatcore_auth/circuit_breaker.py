"""Implements a circuit breaker that no single caller can open."""

from chatcore.ports.clock import Clock
from chatcore_auth.token_key import TokenKey


class CircuitBreaker:
    """Stops calls to a service that is down, so that callers need not wait for each call to fail.

    Failures of several different tokens in a row put the service in doubt; one token counts once, however often it
    fails. Callers choose their tokens, so such failures alone do not open the breaker: the owner then checks the
    service by itself. The breaker opens if the check fails, and after each pause allows another check. A check or call
    that gets an answer closes the breaker and removes the doubt.

    Args:
        clock: the clock that measures pauses by its monotonic time.
        failures_to_doubt: the number of different tokens whose calls must fail in a row.
        pause_seconds: the time between a failed check and the next check.
    """

    def __init__(self, clock: Clock, *, failures_to_doubt: int, pause_seconds: float) -> None:
        self._clock = clock
        self._failures_to_doubt = failures_to_doubt
        self._pause_seconds = pause_seconds
        self._failed: set[TokenKey] = set()
        self._is_open = False
        self._next_check_at = 0.0

    @property
    def is_in_doubt(self) -> bool:
        """Returns whether a check of the service must come before the next call."""
        return self._is_open or len(self._failed) >= self._failures_to_doubt

    def allows_check(self) -> bool:
        """Returns whether the service may be checked now. While the breaker is open, that is once in a pause."""
        if not self._is_open:
            return True
        now = self._clock.monotonic()
        if now < self._next_check_at:
            return False
        self._next_check_at = now + self._pause_seconds
        return True

    def open(self) -> bool:
        """Starts a pause, because a check failed; returns whether the breaker was closed before."""
        was_closed = not self._is_open
        self._is_open = True
        self._next_check_at = self._clock.monotonic() + self._pause_seconds
        return was_closed

    def record_answer(self) -> bool:
        """Closes the breaker, because the service answered; returns whether the breaker was open before."""
        was_open = self._is_open
        self._is_open = False
        self._failed.clear()
        return was_open

    def record_failure(self, key: TokenKey) -> None:
        """Counts a call without an answer against the service, once for each token."""
        if not self.is_in_doubt:
            self._failed.add(key)
