"""The clock port."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time, and waits.

    Instants that decide anything between processes (leases) are the storage's; this clock is for what a person
    reads and for waiting.
    """

    def now(self) -> datetime:
        """The present instant, in UTC, time zone attached."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed point; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Returns after at least `seconds`. Cancellable."""
        ...
