"""Runs uvicorn's server, drains the service on SIGTERM or SIGINT, and then exits with status 0.

uvicorn alone either waits for open streams without end, or cuts the streams off and closes the service while their
handlers still run. :class:`chatcore_service.lifespan.Shutdown` drains the core and tells readers to reconnect.
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

#: Time that requests in progress have to finish after the drain.
GRACEFUL_SECONDS = 2
BACKLOG = 2048
#: Most connections that an iteration of the event loop accepts.
ACCEPTS_AT_ONCE = 8

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


def server_config(app: ASGIApp, settings: Settings) -> Config:
    """Returns uvicorn's configuration for the application."""
    return Config(
        app,
        loop="uvloop",
        http=protocol_of(settings),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        # The service neither trusts nor needs a proxy's headers about its client.
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        # Without a reset, a request's task would start in the context of the code that ran when the connection was
        # accepted.
        reset_contextvars=True,
    )


class DrainingServer(Server):
    """Serves in one process, and drains the service before the process ends.

    Args:
        config: uvicorn's configuration.
        parent_pid: the supervisor's process id, whose death starts the drain; None without a supervisor.
    """

    def __init__(self, config: Config, *, parent_pid: int | None = None) -> None:
        super().__init__(config)
        self._parent_pid = parent_pid
        self._signals = 0
        self._draining: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Opens the service and starts to listen."""
        # A duplicate gets the timeout of the Python object, and with it the flag that all processes share on this
        # socket. A blocking socket would stop each worker that another one forestalls at accepting a connection.
        for listener in sockets or ():
            listener.setblocking(False)
        # In each iteration, uvloop accepts one connection for each socket that listens. With only one socket, the
        # callers of an overloaded process would wait in the kernel's queue instead of being refused. The duplicates
        # share one queue, and the event loop closes them.
        await super().startup([listener.dup() for listener in sockets or () for _ in range(ACCEPTS_AT_ONCE)])
        for listener in sockets or ():
            self._limit_unacknowledged_time(listener)
            host, port = listener.getsockname()[:2]
            _log.info("listening", host=host, port=port, pid=os.getpid())

    def _limit_unacknowledged_time(self, listener: socket.socket) -> None:
        # Connections inherit the option. Only the kernel knows whether the caller acknowledges the bytes in the
        # kernel's buffer. The value is rounded up to whole seconds.
        protocol = self.config.http_protocol_class
        if sys.platform == "linux" and issubclass(protocol, BoundedProtocol):
            milliseconds = math.ceil(protocol.flush_seconds) * 1000
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Counts the signal; the first signal starts the drain, the second cuts the drain short."""
        self._signals += 1

    def end(self, *, hurry: bool = False) -> None:
        """Ends the server like one signal, or with `hurry` like two signals."""
        self._signals += 2 if hurry else 1

    async def on_tick(self, counter: int) -> bool:
        """Acts on the signals that have arrived. uvicorn calls this method ten times a second."""
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
