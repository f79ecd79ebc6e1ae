"""Tests that connections are opened ahead one at a time, quietly, and not after closing."""

import asyncio
from contextvars import ContextVar

import httpx
from tests.unit.settling import settle

from chatcore_inference.http.origin import Origin
from chatcore_inference.http.preconnector import Preconnector

HERE, THERE = Origin("http", "here", 80), Origin("http", "there", 80)
whose = ContextVar("whose", default="nobody's")


class ConnectionsByHand:
    """Finishes a connection when the test says so."""

    def __init__(self) -> None:
        self.preconnector = Preconnector(self._make)
        self.under_way: list[tuple[Origin, asyncio.Future[None]]] = []
        self.contexts: list[str] = []
        self.has_given_up = False

    async def asked(self) -> list[Origin]:
        """Returns the origins to which a connection is being opened."""
        await asyncio.sleep(0)
        return [origin for origin, end in self.under_way if not end.done()]

    async def _make(self, origin: Origin, _seconds: float | None) -> None:
        end = asyncio.get_running_loop().create_future()
        self.under_way.append((origin, end))
        self.contexts.append(whose.get())
        try:
            await end
        except asyncio.CancelledError:
            self.has_given_up = True
            raise


async def test_one_connection_is_opened_at_a_time_for_each_origin() -> None:
    connections = ConnectionsByHand()
    for origin in (HERE, HERE, THERE):
        connections.preconnector.prepare(origin, 1)
    assert await connections.asked() == [HERE, THERE]

    connections.under_way[0][1].set_result(None)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    connections.preconnector.prepare(HERE, 1)
    assert await connections.asked() == [THERE, HERE]

    await connections.preconnector.close()


async def test_a_failure_is_ignored_and_another_attempt_may_follow() -> None:
    connections = ConnectionsByHand()
    connections.preconnector.prepare(HERE, 1)
    assert await connections.asked() == [HERE]
    connections.under_way[0][1].set_exception(httpx.ConnectError("refused"))
    assert await connections.asked() == []
    assert await connections.asked() == []

    connections.preconnector.prepare(HERE, 1)
    assert await connections.asked() == [HERE]

    await connections.preconnector.close()


async def test_closing_cancels_what_is_under_way() -> None:
    before = asyncio.all_tasks()
    connections = ConnectionsByHand()
    connections.preconnector.prepare(HERE, 1)
    await connections.asked()
    connections.preconnector.prepare(THERE, 1)  # Not even begun.

    await connections.preconnector.close()

    assert connections.has_given_up
    assert asyncio.all_tasks() == before


async def test_a_connection_belongs_to_no_request() -> None:
    connections = ConnectionsByHand()
    whose.set("alice's")
    connections.preconnector.prepare(HERE, 1)
    await connections.asked()

    assert connections.contexts == ["nobody's"]

    await connections.preconnector.close()


async def test_another_can_be_prepared_as_soon_as_one_is_open() -> None:
    # A caller that takes the new connection may run before its task counts as done.
    made: list[Origin] = []
    is_made = asyncio.Event()

    async def make(origin: Origin, _seconds: float | None) -> None:
        made.append(origin)
        is_made.set()

    preconnector = Preconnector(make)
    preconnector.prepare(HERE, 1)
    await is_made.wait()
    preconnector.prepare(HERE, 1)
    await settle()

    assert made == [HERE, HERE]
