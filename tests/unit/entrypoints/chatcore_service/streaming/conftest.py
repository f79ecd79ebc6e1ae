"""Fixtures: two processes that share a storage and a clock."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.unit.entrypoints.chatcore_service.streaming.process import Process, RecordingStorage

from chatcore_memory import FrozenClock


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
    await process.cluster_counts.close()


@pytest.fixture
async def there(storage: RecordingStorage, clock: FrozenClock) -> AsyncIterator[Process]:
    process = Process(storage, clock)
    yield process
    await process.cluster_counts.close()
