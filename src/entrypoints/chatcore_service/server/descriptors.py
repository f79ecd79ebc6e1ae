"""Fits the connections of a process into the number of file descriptors that the process may open."""

import resource
from contextlib import suppress

import structlog
from attrs import evolve

from chatcore_service.server.connection_limit import MAX_EXTRA
from chatcore_service.settings import Settings

# The soft limit where the hard limit is infinite. Linux allows no more by default.
_MAX_SOFT_LIMIT = 1024 * 1024
# Descriptors for connections to the auth service, for the database connections beside the pool, and for files.
_OWN_DESCRIPTORS = 140
# With fewer connections, the service is of no use.
_MIN_CONNECTIONS = 16

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


def fit_into_descriptors(settings: Settings) -> Settings:
    """Raises the soft limit of descriptors to the hard limit; returns the settings with as many connections as fit.

    Processes that this process starts inherit the limit.
    """
    descriptors = _raise_soft_limit()
    wanted = settings.connections.max_connections
    most = min(wanted, connections_within(descriptors, settings))
    if most < wanted:
        _log.warning(
            "the limit of file descriptors allows fewer connections", descriptors=descriptors, connections=most
        )
    return evolve(settings, connections=evolve(settings.connections, max_connections=most))


def connections_within(descriptors: int, settings: Settings) -> int:
    """Returns how many connections leave enough descriptors for probes, the database, auth and inference."""
    shared = descriptors - _OWN_DESCRIPTORS - MAX_EXTRA - settings.database_pool_max_size
    # Each connection may wait for a reply, which has a connection to the inference service.
    return max(shared // 2, _MIN_CONNECTIONS)


def _raise_soft_limit() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_SOFT_LIMIT if hard == resource.RLIM_INFINITY else hard
    # macOS refuses a soft limit above one of the kernel's own limits.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
