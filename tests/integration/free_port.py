"""Ports for the programs that the tests start."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle
from random import SystemRandom

# Linux and macOS give none of these to a socket that asks for any port. A port of theirs could become somebody else's
# before its program listens on it, or while that is being restarted.
_PORTS = range(12_000, 32_000)
_MOST_WORKERS = 16


def free_port() -> int:
    """Returns a port that nobody listens on, and that neither this function nor one of another worker has returned."""
    while True:
        port = next(_own_ports)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _ports_of_this_worker() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = _PORTS[worker % _MOST_WORKERS :: _MOST_WORKERS]
    # In random order, since other runs may go on at the same time.
    return cycle(SystemRandom().sample(own, len(own)))


_own_ports = _ports_of_this_worker()
