"""The service opens its adapters in order, and closes every one that it has opened."""

import asyncio
from typing import Self

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import make_container

from chatcore.ports import Clock
from chatcore.system_clock import SystemClock
from chatcore_memory import FrozenClock, InMemoryStorage, ScriptedInference, StaticAuth
from chatcore_service.container import Container
from chatcore_service.lifespan import CLOSE_SECONDS


class Opened:
    """Records when it was opened and closed."""

    def __init__(self, name: str, events: list[str]) -> None:
        self._name = name
        self._events = events

    async def __aenter__(self) -> Self:
        self._events.append(f"open {self._name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._events.append(f"close {self._name}")


class OpenedStorage(Opened, InMemoryStorage):
    def __init__(self, events: list[str], clock: Clock) -> None:
        Opened.__init__(self, "storage", events)
        InMemoryStorage.__init__(self, clock)


class OpenedAuth(Opened, StaticAuth):
    def __init__(self, events: list[str]) -> None:
        Opened.__init__(self, "auth", events)
        StaticAuth.__init__(self)


class OpenedInference(Opened, ScriptedInference):
    def __init__(self, events: list[str]) -> None:
        Opened.__init__(self, "inference", events)
        ScriptedInference.__init__(self)


class BrokenInference(ScriptedInference):
    async def __aenter__(self) -> Self:
        raise OSError("cannot open")

    async def __aexit__(self, *_: object) -> None:
        raise AssertionError("it was never open")


def recording_container(events: list[str], inference: ScriptedInference) -> Container:
    container = make_container()
    container.storage.override(OpenedStorage(events, container.clock()))
    container.auth.override(OpenedAuth(events))
    container.inference.override(inference)
    return container


async def test_adapters_are_opened_in_order_and_closed_in_reverse() -> None:
    events: list[str] = []
    app = recording_container(events, OpenedInference(events)).application()

    async with app.router.lifespan_context(app):
        assert events == ["open storage", "open auth", "open inference"]
    assert events[3:] == ["close inference", "close auth", "close storage"]


async def test_open_adapters_are_closed_when_the_next_cannot_be_opened() -> None:
    events: list[str] = []
    app = recording_container(events, BrokenInference()).application()

    with pytest.raises(OSError, match="cannot open"):
        async with app.router.lifespan_context(app):
            pass
    assert events == ["open storage", "open auth", "close auth", "close storage"]


class SlowStorage(InMemoryStorage):
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


async def run_once(storage: SlowStorage, clock: Clock) -> bool:
    """Opens and closes the service; returns whether the storage was open in between."""
    container = make_container(clock=clock)
    container.storage.override(storage)
    app = container.application()
    async with app.router.lifespan_context(app):
        return storage.is_open


async def test_an_adapter_is_open_for_as_long_as_the_service_runs() -> None:
    storage = SlowStorage()

    assert await run_once(storage, FrozenClock())
    assert not storage.is_open


async def test_an_adapter_that_does_not_close_does_not_keep_the_process_alive() -> None:
    clock = FrozenClock()
    storage = SlowStorage(hangs=True)
    running = asyncio.create_task(run_once(storage, clock))
    await storage.is_closing.wait()

    await clock.elapse(CLOSE_SECONDS - 0.1)
    assert not running.done()
    await clock.elapse(0.1)
    assert await running
