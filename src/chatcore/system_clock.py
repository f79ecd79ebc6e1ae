"""Implements the clock port with the machine's clock."""

import asyncio
import time
from datetime import UTC, datetime

from chatcore.ports import Clock


class SystemClock(Clock):
    """Reads the machine's clock and sleeps in real time."""

    def now(self) -> datetime:
        """Returns the current instant in UTC, as :meth:`chatcore.ports.Clock.now` says."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Returns the machine's monotonic seconds, as :meth:`chatcore.ports.Clock.monotonic` says."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits in real time, as :meth:`chatcore.ports.Clock.sleep` says."""
        await asyncio.sleep(seconds)
