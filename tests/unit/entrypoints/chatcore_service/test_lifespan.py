"""Opening and closing what the service is made of."""

import asyncio
from typing import Self

import httpx
import pytest
from tests.unit.entrypoints.chatcore_service.http_service import make_container

from chatcore.system_clock import SystemClock
from chatcore_memory import InMemoryStorage


class Opened(InMemoryStorage):
    """A storage that has to be opened, and whose closing may hang."""

    def __init__(self, *, hangs: bool = False) -> None:
        super().__init__(SystemClock())
        self.hangs = hangs
        self.is_open = False

    async def __aenter__(self) -> Self:
        self.is_open = True
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        self.is_open = False


async def run_once(storage: Opened) -> bool:
    """Opens and closes the service; returns whether the storage was open in between."""
    container = make_container()
    container.storage.override(storage)
    app = container.application()
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=httpx.ASGITransport(app)):
        return storage.is_open


async def test_what_has_to_be_opened_is_open_while_the_service_runs_and_closed_afterwards() -> None:
    storage = Opened()

    assert await run_once(storage)
    assert not storage.is_open


async def test_an_adapter_that_does_not_close_does_not_keep_the_process_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatcore_service.lifespan.CLOSE_SECONDS", 0.01)

    async with asyncio.timeout(5):
        assert await run_once(Opened(hangs=True))
