"""Runs servers for the length of a block, each on its assigned cores."""

import os
import socket
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection

from attrs import frozen
from benchmarks.benchmark_error import BenchmarkError
from benchmarks.machine import SUBJECT_CORE

_START_SECONDS, _PAUSE_SECONDS = 60.0, 0.005


@frozen
class Running:
    """A program that serves on a port of loopback; its process id is 0 if the program is not measured."""

    port: int
    pid: int
    database_url: str = ""


def free_port() -> int:
    """Returns a port on loopback that is free at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def serving(
    command: Sequence[str],
    *,
    port: int = 0,
    is_subject: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Generator[Running]:
    """Runs a program, and yields it when the program listens. Only the subject runs on the measured process's core.

    `{port}` in the command stands for the port; without `port`, any free port is used.

    Raises:
        BenchmarkError: the program has ended, or did not listen within a minute.
    """
    port = port or free_port()
    # The output is discarded, because the writer of a log file would wait for the database's fsync.
    process = subprocess.Popen(
        [part.replace("{port}", str(port)) for part in command], env=environment, stdout=subprocess.DEVNULL
    )
    if is_subject:
        os.sched_setaffinity(process.pid, [SUBJECT_CORE])
    try:
        _wait_for(port, process)
        yield Running(port, process.pid)
    finally:
        process.terminate()
        process.wait()


def get(port: int, path: str) -> tuple[int, bytes]:
    """Requests a path, and returns the status and the body of the answer."""
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(_PAUSE_SECONDS)
    raise BenchmarkError(f"No program came to listen on port {port}; its output is above.")
