"""Waiting for a condition, never for luck."""

import asyncio
import inspect
import time
from collections.abc import Callable

_POLL_SECONDS = 0.02


async def eventually(condition: Callable[[], object], *, within: float, what: str | Callable[[], str]) -> None:
    """Returns as soon as `condition`, which may be asynchronous, is true; fails and says `what` if that is too late.

    A `what` that is called tells how things stand at the end.
    """
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return
        assert time.monotonic() < deadline, f"not within {within} s: {what if isinstance(what, str) else what()}"
        await asyncio.sleep(_POLL_SECONDS)
