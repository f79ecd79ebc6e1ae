"""Two processes, and the storage and the clock that they share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chatcore_memory import FrozenClock
from tests.unit.stream_census.process import Process, RecordingStorage


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def storage(clock: FrozenClock) -> RecordingStorage:
    return RecordingStorage(clock)


@pytest.fixture
async def here(storage: RecordingStorage, clock: FrozenClock) -> AsyncIterator[Process]:
    process = Process(storage, clock)
    yield process
    await process.census.close()


@pytest.fixture
async def there(storage: RecordingStorage, clock: FrozenClock) -> AsyncIterator[Process]:
    process = Process(storage, clock)
    yield process
    await process.census.close()
