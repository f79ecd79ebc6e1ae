"""Lets a test block the event loop of a replica, as a careless library would.

A folder on the replica's PYTHONPATH installs a handler for SIGUSR1 that sleeps: Python runs it between two steps of
whatever the loop is doing, and nothing else runs until it is over.
"""

import os
import signal
from pathlib import Path

from tests.integration.faults.replica import Replica

_SITE = """\
import signal, time
signal.signal(signal.SIGUSR1, lambda *_: time.sleep({seconds}))
"""


def blockable(folder: Path, seconds: float) -> dict[str, str]:
    """Returns the settings of replicas that :func:`block` can block for that long."""
    (folder / "sitecustomize.py").write_text(_SITE.format(seconds=seconds))
    return {"PYTHONPATH": str(folder)}


def block(replica: Replica) -> None:
    """Blocks the event loop of a replica, now."""
    os.kill(replica.pid, signal.SIGUSR1)
