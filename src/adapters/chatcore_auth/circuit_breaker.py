"""Preconnector callers the wait for a service that is known to be away."""

from chatcore.ports.clock import Clock


class CircuitBreaker:
    """Opens after several failures in a row; while open, nobody needs to try.

    After a pause one caller is let through as a probe. Its success closes the breaker, its failure begins another
    pause. A probe that reports nothing within a pause is replaced, so that a lost one cannot block for ever.

    Args:
        clock: pauses are measured on its monotonic time.
        failures_to_open: failures in a row after which it opens.
        pause_seconds: how long it stays open before the next probe.
    """

    def __init__(self, clock: Clock, *, failures_to_open: int, pause_seconds: float) -> None:
        self._clock = clock
        self._failures_to_open = failures_to_open
        self._pause_seconds = pause_seconds
        self._failures = 0
        self._next_probe_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the service counts as away."""
        return self._failures >= self._failures_to_open

    def allows(self) -> bool:
        """Whether the caller may try now; who may must report back how it went."""
        if not self.is_open:
            return True
        now = self._clock.monotonic()
        if now < self._next_probe_at:
            return False
        self._next_probe_at = now + self._pause_seconds
        return True

    def succeeded(self) -> bool:
        """Closes the breaker; returns whether it was open."""
        was_open = self.is_open
        self._failures = 0
        return was_open

    def failed(self) -> bool:
        """Counts a failure; returns whether it opened the breaker."""
        was_open = self.is_open
        self._failures += 1
        if self.is_open:
            self._next_probe_at = self._clock.monotonic() + self._pause_seconds
        return self.is_open and not was_open
