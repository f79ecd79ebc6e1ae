"""Runs servers for the length of a block, each on its assigned cores."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from http.client import HTTPConnection

import orjson
from attrs import frozen
from benchmarks.benchmark_error import BenchmarkError
from benchmarks.machine import SUBJECT_CORE
from benchmarks.tools import tool

#: Time between two tokens of a reply of the token source.
PERIOD_SECONDS = 0.05
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
        wait_until(lambda: _listens(port, process), f"No program came to listen on port {port}.")
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


def wait_until(is_done: Callable[[], bool], problem: str) -> None:
    """Returns as soon as the condition holds; raises BenchmarkError if it does not hold within a minute."""
    deadline = time.monotonic() + _START_SECONDS
    while not is_done():
        if time.monotonic() > deadline:
            raise BenchmarkError(problem)
        time.sleep(_PAUSE_SECONDS)


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    if process.poll() is not None:
        raise BenchmarkError(f"No program came to listen on port {port}; its output is above.")
    return False


def running_source(tokens: int) -> AbstractContextManager[Running]:
    """Runs the token source, tools/token_source.c: auth, and inference whose replies have `tokens` tokens."""
    return serving([str(tool("token_source")), "{port}", str(tokens)])


def share_later_than(source: Running, milliseconds: int) -> float:
    """Returns the share of tokens since the last call that were made at least this many milliseconds late."""
    late: list[tuple[int, int]] = orjson.loads(get(source.port, "/lateness")[1])
    tokens = sum(count for _, count in late)
    return sum(count for ms, count in late if ms >= milliseconds) / tokens if tokens else 0.0
