"""Serves the application by this process or by several workers."""

import os
import socket
from contextlib import ExitStack

from chatcore_service.app import check
from chatcore_service.logs import configure_logging
from chatcore_service.metrics import MULTIPROCESS_VARIABLE
from chatcore_service.server.descriptors import fit_into_descriptors
from chatcore_service.server.metrics_folder import shared_folder
from chatcore_service.server.supervisor import Supervisor
from chatcore_service.server.worker import run
from chatcore_service.settings import Settings
from chatcore_service.uncaught_exceptions import log_uncaught_exceptions


class PortUnavailableError(Exception):
    """Reports that the server cannot listen on an address; ``str()`` is a sentence."""


def serve(settings: Settings, *, host: str, port: int, workers: int = 1) -> int:
    """Serves until SIGTERM or SIGINT arrives, and then drains the service.

    Args:
        settings: the settings of the service.
        host: the name or address to listen on.
        port: the port to listen on; 0 for any free port.
        workers: the number of processes.

    Returns:
        The exit status: 0 after an orderly shutdown.

    Raises:
        InvalidSettingsError: an adapter cannot use the value of a variable; the error names all such variables.
        PortUnavailableError: another program listens on the address, or the address does not belong to this machine.
    """
    configure_logging(service_name=settings.service_name, level=settings.log_level)
    log_uncaught_exceptions()
    settings = fit_into_descriptors(settings)
    with _bound(host, port) as listener:
        if workers == 1:
            return 0 if run(settings, listener) else 1
        # The check precedes the start of the workers, so that an error is reported once and restarts no worker.
        check(settings)
        with ExitStack() as stack:
            _share_metrics(stack)
            return 0 if Supervisor(settings, listener, workers).run() else 1


def _share_metrics(stack: ExitStack) -> None:
    if MULTIPROCESS_VARIABLE not in os.environ:
        # The workers inherit the variable, which prometheus_client reads at its import.
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
        # Two servers may bind the same port, but only one server may listen on the port.
        listener.listen(1)
    except OSError as error:
        listener.close()
        raise PortUnavailableError(f"Cannot listen on {host} port {port}: {error.strerror}.") from error
    return listener
