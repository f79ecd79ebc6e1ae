"""Opens what the service is made of, in order, and closes it in reverse."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import cast

import structlog
from attrs import frozen
from starlette.applications import Starlette

from chatcore import Chat
from chatcore.ports import Auth, Clock, Inference, Storage
from chatcore_service.clock_timeout import clock_timeout
from chatcore_service.metrics import Metrics
from chatcore_service.readiness import Readiness
from chatcore_service.streaming.cluster_stream_counts import ClusterStreamCounts
from chatcore_service.streaming.stream_monitor import StreamMonitor

#: Where the server finds the :class:`Shutdown` in the lifespan's state.
SHUTDOWN = "shutdown"
#: Where it finds the :class:`~chatcore_service.metrics.Metrics`, for what it answers itself.
METRICS = "metrics"

#: How long each adapter has to close.
CLOSE_SECONDS = 2.0

_POOL_SAMPLE_SECONDS = 5.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")

PoolStats = Callable[[], Mapping[str, Mapping[str, int]]]


@frozen
class Shutdown:
    """How the server ends the service: it drains first, while everything is still open."""

    _chat: Chat
    _monitor: StreamMonitor
    _grace_seconds: float

    async def drain(self) -> None:
        """Returns when every running reply has a stored end and every reader was told to come back."""
        await self._chat.drain(self._grace_seconds)
        self._monitor.end_all()

    def hurry(self) -> None:
        """Ends the grace: what runs is cut short, and stored, now."""
        self._chat.runner.hurry()


@frozen(kw_only=True)
class ServiceLifespan:
    """The life of the service, for Starlette."""

    storage: Storage
    auth: Auth
    inference: Inference
    clock: Clock
    chat: Chat
    stream_monitor: StreamMonitor
    cluster_stream_counts: ClusterStreamCounts
    readiness: Readiness
    metrics: Metrics
    pool_stats: PoolStats
    shutdown: Shutdown

    @asynccontextmanager
    async def __call__(self, _app: Starlette) -> AsyncGenerator[dict[str, object]]:
        """Opens and closes."""
        async with AsyncExitStack() as stack:
            await self._open(stack, self.storage)
            await self._open(stack, self.auth)
            await self._open(stack, self.inference)
            # After the streams have been told to end, and while there is a storage to say so to.
            stack.push_async_callback(self.cluster_stream_counts.close)
            stack.push_async_callback(self.readiness.close)
            stack.push_async_callback(self.stream_monitor.close)
            self.chat.start()
            # Again does nothing: whoever ended the service in order has drained it before.
            stack.push_async_callback(self.shutdown.drain)
            sampling = asyncio.create_task(self._sample_pools(), name="sampling the database pools")
            stack.callback(sampling.cancel)
            yield {SHUTDOWN: self.shutdown, METRICS: self.metrics}

    async def _sample_pools(self) -> None:
        while True:
            self.metrics.show_pools(self.pool_stats())
            await self.clock.sleep(_POOL_SAMPLE_SECONDS)

    async def _open(self, stack: AsyncExitStack, port: object) -> None:
        # An adapter that has nothing to open, such as one in memory, need not be a context manager.
        if isinstance(port, AbstractAsyncContextManager):
            opened = cast("AbstractAsyncContextManager[object, None]", port)
            try:
                await opened.__aenter__()
            except Exception:
                # The server would tell of it with whatever the exception quotes.
                _log.exception("an adapter could not be opened", adapter=type(opened).__name__)
                raise
            stack.push_async_callback(self._close, opened)

    async def _close(self, port: AbstractAsyncContextManager[object, None]) -> None:
        # Everything is stored by now: one adapter that does not come to its end must not keep the process alive.
        try:
            async with clock_timeout(self.clock, CLOSE_SECONDS):
                await port.__aexit__(None, None, None)
        except TimeoutError:
            _log.error("an adapter did not close in time", adapter=type(port).__name__)
