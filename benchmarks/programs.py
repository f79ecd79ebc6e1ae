"""Runs programs that serve, for the length of a block, on the cores that they belong to."""

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
    """A program that serves on a port of loopback; its process id is 0 if it is not measured."""

    port: int
    pid: int
    database_url: str = ""


def free_port() -> int:
    """Returns a port on loopback on which nothing listens at the moment."""
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
    """Runs a program, on the core of the measured process if it is that one, and yields it when it listens.

    `{port}` in the command stands for the port, which is any free one unless it is given.

    Raises:
        BenchmarkError: the program has ended, or did not listen within a minute.
    """
    port = port or free_port()
    # The output is thrown away: a log in a file would make its writer wait for the database's fsync.
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
    """Returns status and body of an answer."""
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
