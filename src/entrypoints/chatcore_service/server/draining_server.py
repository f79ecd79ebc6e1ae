"""uvicorn's server, which on a signal first lets the service drain, and then exits with status 0.

By itself uvicorn waits for open streams for ever, or cuts them without a word and closes the service while their
handlers still run.
"""

import asyncio
import math
import os
import socket
import sys
from types import FrameType

import structlog
from starlette.types import ASGIApp
from uvicorn import Config, Server

from chatcore_service.lifespan import SHUTDOWN, Shutdown
from chatcore_service.server.protocol import BoundedProtocol, protocol_of
from chatcore_service.settings import Settings

#: How long requests have that are still being answered when the drain is over.
GRACEFUL_SECONDS = 2
BACKLOG = 2048

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


def server_config(app: ASGIApp, settings: Settings) -> Config:
    """How uvicorn is to run `app`."""
    return Config(
        app,
        loop="uvloop",
        http=protocol_of(settings),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        # What a proxy says of its client is not trusted, and not needed.
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        # By itself a request's task starts in the context of whatever ran when its connection was accepted.
        reset_contextvars=True,
    )


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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Opens the service and begins to listen."""
        await super().startup(sockets)
        for listener in sockets or ():
            self._cut_off_who_takes_nothing(listener)
            host, port = listener.getsockname()[:2]
            _log.info("listening", host=host, port=port, pid=os.getpid())

    def _cut_off_who_takes_nothing(self, listener: socket.socket) -> None:
        # Connections inherit it. What waits in the kernel, or waits here for the kernel and is little, only the kernel
        # can tell from what is taken. It knows no less than a second.
        protocol = self.config.http_protocol_class
        if sys.platform == "linux" and issubclass(protocol, BoundedProtocol):
            milliseconds = math.ceil(protocol.flush_seconds) * 1000
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """The first signal starts the drain, the second ends its grace; neither kills."""
        self._signals += 1

    def end(self, *, hurry: bool = False) -> None:
        """Does what one signal would, or two."""
        self._signals += 2 if hurry else 1

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
