"""Many who ask the same at the same time cause one call."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Generic, TypeVar

Key = TypeVar("Key")
Answer = TypeVar("Answer")


class FlightAbortedError(Exception):
    """The call that would have answered was given up, because its owner is closing."""


class SingleFlight(Generic[Key, Answer]):
    """Runs one call a key at a time and gives its answer to everyone who asks meanwhile.

    The call has a task of its own and belongs to no asker: one who goes away takes nothing from the others.
    """

    def __init__(self) -> None:
        self._flights: dict[Key, asyncio.Task[Answer]] = {}

    async def run(self, key: Key, call: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """The answer of the call under way for `key`, or of `call()`, begun now.

        Raises:
            FlightAbortedError: :meth:`abort` came first.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._begin(key, call())
        try:
            return await asyncio.shield(flight)
        except asyncio.CancelledError:
            if flight.cancelled() and not _is_being_cancelled():
                raise FlightAbortedError from None
            raise

    async def abort(self) -> None:
        """Gives up every call under way, and returns when all have ended."""
        flights = tuple(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _begin(self, key: Key, call: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
        flight = asyncio.create_task(call)
        self._flights[key] = flight
        flight.add_done_callback(partial(self._ended, key))
        return flight

    def _ended(self, key: Key, _flight: asyncio.Task[Answer]) -> None:
        del self._flights[key]


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
