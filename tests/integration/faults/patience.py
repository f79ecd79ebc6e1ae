"""A reader that does not give up."""

import asyncio
import time
from collections.abc import Sequence
from itertools import cycle

from tests.integration.faults.client import Follower

# What an EventSource waits before it comes back, shortened.
_PAUSE_SECONDS = 0.1


async def read_to_the_end(follower: Follower, on: Sequence[str], *, within: float = 30.0) -> Follower:
    """Has `follower` come back, to one replica after the other, until it need not."""
    deadline = time.monotonic() + within
    for base_url in cycle(on):
        await follower.connect(on=base_url)
        if follower.is_finished:
            return follower
        assert time.monotonic() < deadline, f"no end within {within} s after {follower.statuses}"
        await asyncio.sleep(_PAUSE_SECONDS)
    raise AssertionError("no replica to read from")
