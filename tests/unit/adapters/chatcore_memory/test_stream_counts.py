"""The in-memory storage counts streams as the contract asks."""

import pytest

from chatcore.ports import COUNT_SECONDS, StreamCounts
from chatcore.testing import StreamCountsContract
from chatcore_memory import FrozenClock, InMemoryStorage


class TestInMemoryStreamCounts(StreamCountsContract):
    @pytest.fixture
    def stream_counts(self, storage: InMemoryStorage) -> InMemoryStorage:
        return storage

    @pytest.fixture
    def unreachable_stream_counts(self, storage: InMemoryStorage) -> InMemoryStorage:
        storage.outage = True
        return storage

    @pytest.fixture(autouse=True)
    def _keep(self, clock: FrozenClock) -> None:
        self._clock = clock

    async def expire_counts(self, stream_counts: StreamCounts) -> None:  # noqa: ARG002 - the contract's signature
        self._clock.advance(COUNT_SECONDS)
