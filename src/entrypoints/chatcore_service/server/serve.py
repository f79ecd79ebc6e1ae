"""Serves the application: in this process, or by several workers."""

import os
import socket
import tempfile
from contextlib import ExitStack

import structlog

from chatcore_service.logs import configure_logging
from chatcore_service.server.supervisor import Supervisor
from chatcore_service.settings import Settings

#: What a worker exits with when the service could not be opened.
STARTUP_FAILED = 3

_MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


class PortUnavailableError(Exception):
    """The address cannot be listened on; ``str()`` is a sentence."""


def serve(settings: Settings, *, host: str, port: int, workers: int = 1) -> int:
    """Serves until it is asked to end, by SIGTERM or SIGINT; then drains.

    Args:
        settings: of the service.
        host: name or address to listen on.
        port: to listen on; 0 for any that is free.
        workers: how many processes.

    Returns:
        The exit status: 0 after an orderly end.

    Raises:
        PortUnavailableError: somebody else listens there, or the address is not ours.
    """
    configure_logging(service_name=settings.service_name, level=settings.log_level)
    with _listen(host, port) as listener:
        bound_host, bound_port = listener.getsockname()[:2]
        _log.info("listening", host=bound_host, port=bound_port, workers=workers, pid=os.getpid())
        if workers == 1:
            return 0 if run(settings, listener) == 0 else 1
        with ExitStack() as stack:
            if _MULTIPROCESS_VARIABLE not in os.environ:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="chatcore-metrics-"))
                os.environ[_MULTIPROCESS_VARIABLE] = folder
                stack.callback(os.environ.pop, _MULTIPROCESS_VARIABLE)
            return Supervisor(settings, listener, workers).run()


def run(settings: Settings, listener: socket.socket, *, parent_pid: int | None = None) -> int:
    """Serves in this process."""
    # Imported here: prometheus_client decides at its import whether it shares its figures with other processes.
    from chatcore_service.app import create_app  # noqa: PLC0415 - see above
    from chatcore_service.server.draining_server import DrainingServer, server_config  # noqa: PLC0415 - see above

    server = DrainingServer(server_config(create_app(settings)), parent_pid=parent_pid)
    try:
        server.run(sockets=[listener])
    except SystemExit:
        return STARTUP_FAILED
    _log.info("stopped")
    return 0


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise PortUnavailableError(f"Cannot listen on {host}: {error.strerror or 'there is no such host'}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.set_inheritable(True)
    except OSError as error:
        listener.close()
        raise PortUnavailableError(f"Cannot listen on {host} port {port}: {error.strerror}.") from error
    return listener
