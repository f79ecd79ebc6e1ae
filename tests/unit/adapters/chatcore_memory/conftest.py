"""Provides a storage in memory, and its clock."""

import pytest

from chatcore_memory import FrozenClock, InMemoryStorage


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def storage(clock: FrozenClock) -> InMemoryStorage:
    return InMemoryStorage(clock)
