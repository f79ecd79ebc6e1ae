"""Programs that run for the length of a block, each on its core, and what they are to listen on."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from benchmarks.problem import BenchmarkError
from benchmarks.processes import is_running

#: The subject has one core to itself; sources, clients and PostgreSQL have the others.
SUBJECT_CORE = min(os.sched_getaffinity(0)) if sys.platform == "linux" else 0
_START_SECONDS = 60.0
_NICENESS = 10


@contextmanager
def program(
    command: Sequence[str], *, core: int | None = None, environment: Mapping[str, str] | None = None
) -> Generator[int]:
    """Runs a program on one core, or (None) on the others; its pid."""
    # What it writes is thrown away: a file beside the database's would make its writer wait for the database's fsync.
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    pin(process.pid, core)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def pin(pid: int, core: int | None) -> None:
    """Keeps a process, and those that it will start, on this core, or (None) off the subject's."""
    cores = os.sched_getaffinity(0)
    if len(cores) > 1:
        os.sched_setaffinity(pid, {core} if core is not None else cores - {SUBJECT_CORE})


def give_way(pid: int) -> None:
    """Has a process, and those that it will start, wait for those who measure."""
    os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)


@contextmanager
def off_the_subjects_core() -> Generator[None]:
    """Keeps this process off it meanwhile, where it is itself who asks."""
    cores = os.sched_getaffinity(0)
    pin(0, None)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def free_port() -> int:
    """A port on loopback that nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for(port: int, pid: int = 0) -> None:
    """Returns when somebody listens there.

    Args:
        port: on loopback.
        pid: of the program that should; 0 when nobody knows.

    Raises:
        BenchmarkError: nobody does, and the program has ended or has had a minute.
    """
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > deadline or (pid and not is_running(pid)):
                raise BenchmarkError(f"Nothing came to listen on port {port}; what it said is above.") from None
            time.sleep(0.05)
        else:
            return
