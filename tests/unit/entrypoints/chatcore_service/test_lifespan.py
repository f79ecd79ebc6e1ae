"""The service opens and closes its adapters."""

import asyncio
from typing import Self

import httpx
from tests.unit.entrypoints.chatcore_service.http_service import make_container

from chatcore.ports import Clock
from chatcore.system_clock import SystemClock
from chatcore_memory import FrozenClock, InMemoryStorage
from chatcore_service.lifespan import CLOSE_SECONDS


class Opened(InMemoryStorage):
    """A storage that must be opened, and whose closing may hang."""

    def __init__(self, *, hangs: bool = False) -> None:
        super().__init__(SystemClock())
        self.hangs = hangs
        self.is_open = False
        self.is_closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.is_open = True
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        self.is_closing.set()
        if self.hangs:
            await asyncio.Event().wait()
        self.is_open = False


async def run_once(storage: Opened, clock: Clock) -> bool:
    """Opens and closes the service; returns whether the storage was open in between."""
    container = make_container(clock=clock)
    container.storage.override(storage)
    app = container.application()
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=httpx.ASGITransport(app)):
        return storage.is_open


async def test_an_adapter_is_open_for_as_long_as_the_service_runs() -> None:
    storage = Opened()

    assert await run_once(storage, FrozenClock())
    assert not storage.is_open


async def test_an_adapter_that_does_not_close_does_not_keep_the_process_alive() -> None:
    clock = FrozenClock()
    storage = Opened(hangs=True)
    running = asyncio.create_task(run_once(storage, clock))
    await storage.is_closing.wait()

    await clock.elapse(CLOSE_SECONDS - 0.1)
    assert not running.done()
    await clock.elapse(0.1)
    assert await running
