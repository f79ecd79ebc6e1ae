"""Finds and checks TCP ports on this machine."""

import errno
import socket
from random import SystemRandom

from chatcore_dev.local_stack_error import LocalStackError

LOOPBACK = "127.0.0.1"
#: Linux and macOS give none of these ports to connections. A port of theirs could become that of somebody's connection
#: before its program, which takes a second to start, listens on it.
PORTS = range(12_000, 32_000)


def free_port() -> int:
    """Returns a port on loopback that is free at the moment, and that no connection gets later."""
    while not is_free(port := SystemRandom().choice(PORTS)):
        pass
    return port


def is_free(port: int) -> bool:
    """Returns whether a program could listen on this port on loopback."""
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return False
    return True


def require_free(host: str, port: int) -> None:
    """Checks that a service can listen on this address.

    Raises:
        LocalStackError: no service can listen on the address; the message gives the reason.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, port), family=family).close()
    except (OSError, OverflowError) as error:
        raise LocalStackError(_problem(host, port, error)) from error


def _problem(host: str, port: int, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use; end what listens there or choose another: "
            f'chatcore dev --port NUMBER, or make dev DEV="--port NUMBER".'
        )
    reason = error.strerror if isinstance(error, OSError) else error
    return f"Nothing can listen on port {port} of {host}: {reason}."


def reachable_host(host: str) -> str:
    """Returns the host of the URL by which this machine reaches a service that listens on `host`."""
    if host in {"", "0.0.0.0"}:  # noqa: S104 - compared, not listened on
        return LOOPBACK
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host
