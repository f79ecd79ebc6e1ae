"""What is made ahead: one at a time, quietly, and not beyond the end."""

import asyncio
from contextvars import ContextVar

import httpx
from tests.unit.settling import settle

from chatcore_inference.http.origin import Origin
from chatcore_inference.http.preconnector import Preconnector

HERE, THERE = Origin("http", "here", 80), Origin("http", "there", 80)
whose = ContextVar("whose", default="nobody's")


class Workshop:
    """Makes what it is asked for when it is told to."""

    def __init__(self) -> None:
        self.preconnector = Preconnector(self._make)
        self.under_way: list[tuple[Origin, asyncio.Future[None]]] = []
        self.contexts: list[str] = []
        self.has_given_up = False

    async def asked(self) -> list[Origin]:
        """For which origins something is being made."""
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


async def test_one_is_made_at_a_time_for_each_origin() -> None:
    workshop = Workshop()
    for origin in (HERE, HERE, THERE):
        workshop.preconnector.prepare(origin, 1)
    assert await workshop.asked() == [HERE, THERE]

    workshop.under_way[0][1].set_result(None)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    workshop.preconnector.prepare(HERE, 1)
    assert await workshop.asked() == [THERE, HERE]

    await workshop.preconnector.close()


async def test_what_cannot_be_made_is_let_be_and_may_be_asked_for_again() -> None:
    workshop = Workshop()
    workshop.preconnector.prepare(HERE, 1)
    assert await workshop.asked() == [HERE]
    workshop.under_way[0][1].set_exception(httpx.ConnectError("refused"))
    assert await workshop.asked() == []
    assert await workshop.asked() == []

    workshop.preconnector.prepare(HERE, 1)
    assert await workshop.asked() == [HERE]

    await workshop.preconnector.close()


async def test_nothing_is_under_way_after_the_end() -> None:
    before = asyncio.all_tasks()
    workshop = Workshop()
    workshop.preconnector.prepare(HERE, 1)
    await workshop.asked()
    workshop.preconnector.prepare(THERE, 1)  # Not even begun.

    await workshop.preconnector.close()

    assert workshop.has_given_up
    assert asyncio.all_tasks() == before


async def test_what_is_made_for_all_belongs_to_nobodys_request() -> None:
    workshop = Workshop()
    whose.set("alice's")
    workshop.preconnector.prepare(HERE, 1)
    await workshop.asked()

    assert workshop.contexts == ["nobody's"]

    await workshop.preconnector.close()


async def test_another_can_be_prepared_as_soon_as_one_is_made() -> None:
    # Whoever takes the one that was made may run before its task is done with.
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
