"""Opens the parts of the service in order, and closes them in reverse order."""

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
from chatcore_service.http.buffer_budget import BufferBudget
from chatcore_service.metrics import Metrics
from chatcore_service.readiness import Readiness
from chatcore_service.streaming.cluster_stream_counts import ClusterStreamCounts
from chatcore_service.streaming.stream_monitor import StreamMonitor

#: Key of the :class:`Shutdown` in the lifespan's state, where the server finds it.
SHUTDOWN = "shutdown"
#: Key of the :class:`~chatcore_service.metrics.Metrics`, which the server needs for its own responses.
METRICS = "metrics"
#: Key of the :class:`~chatcore_service.http.buffer_budget.BufferBudget`, for which the server counts.
BUFFER_BUDGET = "buffer_budget"

#: Time that each adapter has to close.
CLOSE_SECONDS = 2.0

_SAMPLE_SECONDS = 5.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")

PoolStats = Callable[[], Mapping[str, Mapping[str, int]]]


@frozen
class Shutdown:
    """Drains the service while all of its parts are still open."""

    _chat: Chat
    _monitor: StreamMonitor
    _grace_seconds: float

    async def drain(self) -> None:
        """Waits until every reply in progress has a stored end, and then tells every reader to reconnect."""
        await self._chat.drain(self._grace_seconds)
        self._monitor.end_all()

    def hurry(self) -> None:
        """Cuts the replies in progress short, so that the drain stores the present text."""
        self._chat.runner.hurry()


@frozen(kw_only=True)
class ServiceLifespan:
    """Runs the service for as long as the application, as Starlette's lifespan."""

    storage: Storage
    #: None if no service validates tokens.
    auth: Auth | None
    inference: Inference
    clock: Clock
    chat: Chat
    stream_monitor: StreamMonitor
    cluster_stream_counts: ClusterStreamCounts
    readiness: Readiness
    metrics: Metrics
    buffer_budget: BufferBudget
    pool_stats: PoolStats
    dropped_lines: Callable[[], int]
    shutdown: Shutdown

    @asynccontextmanager
    async def __call__(self, _app: Starlette) -> AsyncGenerator[dict[str, object]]:
        """Opens the service, yields the lifespan's state, and closes the service."""
        async with AsyncExitStack() as stack:
            await self._open(stack, self.storage)
            await self._open(stack, self.auth)
            await self._open(stack, self.inference)
            # The counts are closed after the streams have been told to end, and while the storage is open.
            stack.push_async_callback(self.cluster_stream_counts.close)
            stack.push_async_callback(self.readiness.close)
            stack.push_async_callback(self.stream_monitor.close)
            self.chat.start()
            # The server has usually drained the service before; then a second drain does nothing.
            stack.push_async_callback(self.shutdown.drain)
            sampling = asyncio.create_task(self._sample(), name="sampling metrics")
            stack.callback(sampling.cancel)
            yield {SHUTDOWN: self.shutdown, METRICS: self.metrics, BUFFER_BUDGET: self.buffer_budget}

    async def _sample(self) -> None:
        while True:
            self.metrics.show_pools(self.pool_stats())
            self.metrics.show_dropped_lines(self.dropped_lines())
            await self.clock.sleep(_SAMPLE_SECONDS)

    async def _open(self, stack: AsyncExitStack, port: object) -> None:
        # An adapter that needs no opening, such as one in memory, need not be a context manager.
        if isinstance(port, AbstractAsyncContextManager):
            opened = cast("AbstractAsyncContextManager[object, None]", port)
            try:
                await opened.__aenter__()
            except Exception:
                # The server would log the exception with its text, which may quote a password.
                _log.exception("an adapter could not be opened", adapter=type(opened).__name__)
                raise
            stack.push_async_callback(self._close, opened)

    async def _close(self, port: AbstractAsyncContextManager[object, None]) -> None:
        # All data is stored by now, so an adapter that fails to close must not keep the process alive.
        try:
            async with clock_timeout(self.clock, CLOSE_SECONDS):
                await port.__aexit__(None, None, None)
        except TimeoutError:
            _log.error("an adapter did not close in time", adapter=type(port).__name__)
