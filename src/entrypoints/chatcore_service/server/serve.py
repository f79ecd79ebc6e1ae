"""Serves the application in this process, or by several workers."""

import os
import socket
from contextlib import ExitStack

from chatcore_service.app import check
from chatcore_service.logs import configure_logging
from chatcore_service.metrics import MULTIPROCESS_VARIABLE
from chatcore_service.server.metrics_folder import shared_folder
from chatcore_service.server.supervisor import Supervisor
from chatcore_service.server.worker import run
from chatcore_service.settings import Settings
from chatcore_service.uncaught_exceptions import log_uncaught_exceptions


class PortUnavailableError(Exception):
    """The server cannot listen on an address; ``str()`` is a sentence."""


def serve(settings: Settings, *, host: str, port: int, workers: int = 1) -> int:
    """Serves until SIGTERM or SIGINT arrives; then drains.

    Args:
        settings: settings of the service.
        host: name or address to listen on.
        port: port to listen on; 0 for any free port.
        workers: number of processes.

    Returns:
        The exit status: 0 after an orderly shutdown.

    Raises:
        InvalidSettingsError: names the variables that an adapter cannot use.
        PortUnavailableError: another program listens there, or the address does not belong to this machine.
    """
    configure_logging(service_name=settings.service_name, level=settings.log_level)
    log_uncaught_exceptions()
    with _bound(host, port) as listener:
        if workers == 1:
            return 0 if run(settings, listener) else 1
        # Checked before the workers start, so that an error is reported once and no worker is restarted for it.
        check(settings)
        with ExitStack() as stack:
            _share_metrics(stack)
            return 0 if Supervisor(settings, listener, workers).run() else 1


def _share_metrics(stack: ExitStack) -> None:
    if MULTIPROCESS_VARIABLE not in os.environ:
        # The workers inherit the variable; prometheus_client reads it at its import.
        os.environ[MULTIPROCESS_VARIABLE] = stack.enter_context(shared_folder())
        stack.callback(os.environ.pop, MULTIPROCESS_VARIABLE)


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise PortUnavailableError(f"Cannot listen on {host}: {error.strerror}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two servers may bind the same port; only one may listen on it.
        listener.listen(1)
    except OSError as error:
        listener.close()
        raise PortUnavailableError(f"Cannot listen on {host} port {port}: {error.strerror}.") from error
    return listener
