"""Implements the clock port with the machine's clock."""

import asyncio
import time
from datetime import UTC, datetime

from chatcore.ports import Clock


class SystemClock(Clock):
    """Reads the machine's clock and sleeps in real time."""

    def now(self) -> datetime:
        """See :meth:`chatcore.ports.Clock.now`."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See :meth:`chatcore.ports.Clock.monotonic`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See :meth:`chatcore.ports.Clock.sleep`."""
        await asyncio.sleep(seconds)
