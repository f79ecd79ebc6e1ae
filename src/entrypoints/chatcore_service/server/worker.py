"""Serves the application in one process."""

import gc
import os
import signal
import socket
import sys

import structlog

from chatcore_service.app import create_app
from chatcore_service.logs import configure_logging
from chatcore_service.server.allocator import map_large_blocks
from chatcore_service.server.draining_server import DrainingServer, server_config
from chatcore_service.settings import Settings
from chatcore_service.uncaught_exceptions import log_uncaught_exceptions

#: Exit status of a worker that could not open the service. The supervisor does not replace such a worker.
COULD_NOT_OPEN = 3

# This many new objects start a collection of the youngest generation. Python's default is 700, which many streams reach
# at once.
_GARBAGE_THRESHOLD = 10_000
# This many collections of a generation start one of the next older generation. Python's default is ten each: in a
# conversation of fifty thousand messages, collecting the survivors of ten rounds blocked all streams for 60 ms.
_LATER_THRESHOLDS = (2, 50)

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


def run(settings: Settings, listener: socket.socket, *, parent_pid: int | None = None) -> bool:
    """Serves in this process until a signal arrives; returns whether the service could be opened."""
    map_large_blocks()
    app = create_app(settings)
    _tune_garbage_collector()
    server = DrainingServer(server_config(app, settings), parent_pid=parent_pid)
    try:
        server.run(sockets=[listener])
    except SystemExit:
        return False
    _log.info("stopped", pid=os.getpid())
    return True


def _tune_garbage_collector() -> None:
    # Modules and the application live as long as the process. Full collections that traversed these objects blocked all
    # streams for up to 170 ms, and collections took 4 % of the process's time with 500 streams.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD, *_LATER_THRESHOLDS)


def work(settings: Settings, listener: socket.socket, parent_pid: int) -> None:
    """Runs one worker of several, in its own process."""
    # A terminal sends Ctrl-C to its whole process group. In a session of its own, the worker gets the signal only from
    # the parent, so that the signal counts once.
    os.setsid()
    # To ignore SIGINT discards a signal that the terminal sent while the parent had SIGINT blocked.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    configure_logging(service_name=settings.service_name, level=settings.log_level)
    log_uncaught_exceptions()
    try:
        has_opened = run(settings, listener, parent_pid=parent_pid)
    except Exception:  # noqa: BLE001 - multiprocessing would write its text to standard error
        _log.critical("an exception ended the process", exc_info=True)
        sys.exit(1)
    sys.exit(0 if has_opened else COULD_NOT_OPEN)
