"""One process that serves."""

import gc
import os
import signal
import socket
import sys

import structlog

from chatcore_service.app import create_app
from chatcore_service.logs import configure_logging
from chatcore_service.server.draining_server import DrainingServer, server_config
from chatcore_service.settings import Settings
from chatcore_service.unforeseen import log_uncaught_exceptions

#: What a worker exits with when the service could not be opened: it would fail again and again.
COULD_NOT_OPEN = 3

# How many new objects there are before they are gone through. By itself 700, which many streams make in no time.
_GARBAGE_THRESHOLD = 10_000
# How many of those rounds go by until the survivors are gone through, and of those until all are. By themselves ten
# each: with a conversation of fifty thousand messages the survivors of ten took 60 ms, which nobody else could use.
_LATER_THRESHOLDS = (2, 50)

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


def run(settings: Settings, listener: socket.socket, *, parent_pid: int | None = None) -> bool:
    """Serves in this process until a signal; returns whether it could."""
    app = create_app(settings)
    _spare_the_collector()
    server = DrainingServer(server_config(app, settings), parent_pid=parent_pid)
    try:
        server.run(sockets=[listener])
    except SystemExit:
        return False
    _log.info("stopped", pid=os.getpid())
    return True


def _spare_the_collector() -> None:
    # Modules and the application live as long as the process. Gone through again and again they held up all streams
    # for up to 170 ms at a time, and collecting took 4 % of the process's time with 500 streams.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD, *_LATER_THRESHOLDS)


def work(settings: Settings, listener: socket.socket, parent_pid: int) -> None:
    """What a worker of several does, in its own process."""
    # A terminal sends Ctrl-C to its whole group: the parent alone passes it on, so that it counts once.
    os.setsid()
    # The parent held back what the terminal sent before; it is forgotten here.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    configure_logging(service_name=settings.service_name, level=settings.log_level)
    log_uncaught_exceptions()
    sys.exit(0 if run(settings, listener, parent_pid=parent_pid) else COULD_NOT_OPEN)
