"""Implements single flight: concurrent requests for the same key share one call."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Generic, TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")


class FlightAbortedError(Exception):
    """Reports that the shared call was cancelled because its owner is closing."""


class SingleFlight(Generic[Key, Result]):
    """Runs one call per key at a time and gives its result to every waiter.

    The call runs in a task of its own, so cancelling one waiter does not affect the others.
    """

    def __init__(self) -> None:
        self._flights: dict[Key, asyncio.Task[Result]] = {}

    async def run(self, key: Key, call: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Returns the result of the running call for `key`, or of a new call if none is running.

        Raises:
            FlightAbortedError: :meth:`abort` cancelled the call.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._start(key, call())
        try:
            return await asyncio.shield(flight)
        except asyncio.CancelledError:
            if flight.cancelled() and not _is_being_cancelled():
                raise FlightAbortedError from None
            raise

    async def abort(self) -> None:
        """Cancels all running calls and waits until they have ended."""
        flights = tuple(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _start(self, key: Key, call: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        flight = asyncio.create_task(call)
        self._flights[key] = flight
        flight.add_done_callback(partial(self._remove, key))
        return flight

    def _remove(self, key: Key, _flight: asyncio.Task[Result]) -> None:
        del self._flights[key]


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
