"""One process that serves."""

import os
import socket
import sys

import structlog

from chatcore_service.app import create_app
from chatcore_service.logs import configure_logging
from chatcore_service.server.draining_server import DrainingServer, server_config
from chatcore_service.settings import Settings

#: What a worker exits with when the service could not be opened: it would fail again and again.
COULD_NOT_OPEN = 3

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


def run(settings: Settings, listener: socket.socket, *, parent_pid: int | None = None) -> bool:
    """Serves in this process until a signal; returns whether it could."""
    server = DrainingServer(server_config(create_app(settings)), parent_pid=parent_pid)
    try:
        server.run(sockets=[listener])
    except SystemExit:
        return False
    _log.info("stopped", pid=os.getpid())
    return True


def work(settings: Settings, listener: socket.socket, parent_pid: int) -> None:
    """What a worker of several does, in its own process."""
    # A terminal sends Ctrl-C to its whole group: the parent alone passes it on, so that it counts once.
    os.setsid()
    configure_logging(service_name=settings.service_name, level=settings.log_level)
    sys.exit(0 if run(settings, listener, parent_pid=parent_pid) else COULD_NOT_OPEN)
