"""One of several processes that share a storage."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tests.unit.conftest import RecordingObserver

from chatcore import UserId
from chatcore.ports import ProcessId
from chatcore.testing.samples import ALICE
from chatcore_memory import FrozenClock, InMemoryStorage
from chatcore_service.http.refusals import TooManyStreamsError
from chatcore_service.streaming.cluster_stream_counts import ClusterStreamCounts
from chatcore_service.streaming.stream_limiter import SECOND_LOOK_SECONDS, Slot, StreamLimiter

LIMIT = 20


class RecordingStorage(InMemoryStorage):
    """Records what it was asked, and can be made to hang."""

    def __init__(self, clock: FrozenClock) -> None:
        super().__init__(clock)
        self.published: list[Mapping[UserId, int]] = []
        self.cleanups = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def exchange_stream_counts(self, process_id: ProcessId, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
        self.published.append(dict(counts))
        await self.answers.wait()
        return await super().exchange_stream_counts(process_id, counts)

    async def forget_stream_counts(self, limit: int) -> int:
        self.cleanups += 1
        return await super().forget_stream_counts(limit)


class Process:
    """The stream counts and the limiter of one process."""

    def __init__(self, storage: RecordingStorage, clock: FrozenClock) -> None:
        self.storage = storage
        self.clock = clock
        self.observer = RecordingObserver()
        self.cluster_counts = ClusterStreamCounts(counts=storage, clock=clock, observer=self.observer)
        self.limiter = StreamLimiter(LIMIT, cluster_counts=self.cluster_counts, clock=clock)

    async def open(self, count: int, user_id: UserId = ALICE) -> list[Slot]:
        """Takes slots for streams, as turns do."""
        return [await self.limiter.take(user_id) for _ in range(count)]

    async def admits(self, user_id: UserId = ALICE) -> bool:
        """Returns whether a reader that reconnects gets a stream; releases the slot."""
        deciding = asyncio.create_task(self._decide(user_id))
        await self.clock.elapse(SECOND_LOOK_SECONDS[1])
        return await deciding

    async def _decide(self, user_id: UserId) -> bool:
        slot = None
        try:
            slot = await self.limiter.take(user_id)
            await slot.confirm()
        except TooManyStreamsError:
            return False
        finally:
            if slot is not None:
                slot.release()
        return True
