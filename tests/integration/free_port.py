"""Ports for the programs that the tests start."""

import os
from collections.abc import Iterator
from itertools import cycle
from random import SystemRandom

from chatcore_dev.tcp_ports import PORTS, is_free

_MOST_WORKERS = 16


def free_port() -> int:
    """Returns a port that nobody listens on, and that neither this function nor one of another worker has returned.

    A program that is being restarted therefore keeps its port, on which nobody listens meanwhile.
    """
    return next(filter(is_free, _own_ports))


def _ports_of_this_worker() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = PORTS[worker % _MOST_WORKERS :: _MOST_WORKERS]
    # In random order, since other runs may go on at the same time.
    return cycle(SystemRandom().sample(own, len(own)))


_own_ports = _ports_of_this_worker()
