"""uvicorn's server, which on a signal first lets the service drain, and then exits with status 0.

By itself uvicorn waits for open streams for ever, or cuts them without a word and closes the service while their
handlers still run.
"""

import asyncio
import os
from types import FrameType

import structlog
from uvicorn import Config, Server

from chatcore_service.lifespan import SHUTDOWN, Shutdown

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


class DrainingServer(Server):
    """One process's server.

    Args:
        config: uvicorn's.
        parent_pid: ends when this is no longer its parent; None where nobody supervises it.
    """

    def __init__(self, config: Config, *, parent_pid: int | None = None) -> None:
        super().__init__(config)
        self._parent_pid = parent_pid
        self._signals = 0
        self._draining: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """The first signal starts the drain, the second ends its grace; neither kills."""
        self._signals += 1

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: sees to what the signals asked for."""
        if self._parent_pid is not None and os.getppid() != self._parent_pid:
            self._signals = max(self._signals, 1)
        if self._signals and self._draining is None:
            _log.info("draining")
            self._draining = asyncio.create_task(self._shutdown.drain(), name="draining")
        if self._signals > 1:
            self._shutdown.hurry()
        if self._draining is not None and self._draining.done():
            self._report(self._draining)
            self.should_exit = True
        return await super().on_tick(counter)

    @property
    def _shutdown(self) -> Shutdown:
        shutdown = self.lifespan.state[SHUTDOWN]
        assert isinstance(shutdown, Shutdown)  # noqa: S101 - our own lifespan put it there
        return shutdown

    @staticmethod
    def _report(draining: "asyncio.Task[None]") -> None:
        error = draining.exception()
        if error is not None:
            _log.error("the drain failed", exc_info=error)
        else:
            _log.info("drained")
