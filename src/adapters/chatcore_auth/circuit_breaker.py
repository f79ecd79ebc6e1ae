"""Implements a circuit breaker."""

from chatcore.ports.clock import Clock


class CircuitBreaker:
    """Stops calls to a service that is known to be down, so that callers need not wait for each call to fail.

    The breaker opens after several failures in a row. After a pause it lets one call through as a probe. A probe that
    succeeds closes the breaker; a probe that fails starts another pause. If a probe reports no outcome within a pause,
    another probe is let through, so that a lost probe cannot block all calls for ever.

    Args:
        clock: the clock that measures pauses by its monotonic time.
        failures_to_open: the number of failures in a row that opens the breaker.
        pause_seconds: the time between opening, or a failed probe, and the next probe.
    """

    def __init__(self, clock: Clock, *, failures_to_open: int, pause_seconds: float) -> None:
        self._clock = clock
        self._failures_to_open = failures_to_open
        self._pause_seconds = pause_seconds
        self._failures = 0
        self._next_probe_at = 0.0

    @property
    def is_open(self) -> bool:
        """Returns whether the service is considered down."""
        return self._failures >= self._failures_to_open

    def allows_call(self) -> bool:
        """Returns whether a call may be made now. The caller must record the outcome of the call."""
        if not self.is_open:
            return True
        now = self._clock.monotonic()
        if now < self._next_probe_at:
            return False
        self._next_probe_at = now + self._pause_seconds
        return True

    def record_success(self) -> bool:
        """Closes the breaker; returns whether it was open."""
        was_open = self.is_open
        self._failures = 0
        return was_open

    def record_failure(self) -> bool:
        """Counts a failure; returns whether the failure opened the breaker."""
        was_open = self.is_open
        self._failures += 1
        if self.is_open:
            self._next_probe_at = self._clock.monotonic() + self._pause_seconds
        return self.is_open and not was_open
