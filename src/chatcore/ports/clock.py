"""Defines the clock port."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits.

    Instants on which several processes depend, such as the end of a lease, come from the storage. This clock
    serves timestamps that a person reads, and all timed waiting within the process.
    """

    def now(self) -> datetime:
        """Returns the current instant in UTC, with its time zone."""
        ...

    def monotonic(self) -> float:
        """Returns the seconds since some fixed point; they never decrease."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits for at least `seconds`, unless the waiting task is cancelled."""
        ...
