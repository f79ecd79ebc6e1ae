"""Runs the load client, tools/load_client.c, which opens streams and checks every token of each stream."""

import subprocess
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, cast

import orjson
from attrs import frozen
from benchmarks.benchmark_error import BenchmarkError
from benchmarks.tools import tool


@frozen(kw_only=True)
class Load:
    """The streams that the client opens, and the window in which they are measured."""

    port: int
    #: The beginning of each stream, in seconds from the start and in ascending order, and its whole HTTP request.
    streams: Sequence[tuple[float, str]]
    #: The number of tokens of each stream.
    tokens: int
    #: The time at which all streams are open, in seconds from the start, and the length of the window after it.
    window_begin_seconds: float
    window_seconds: float
    #: The time from the start after which an open stream counts as broken. With 0, all streams end with the window and
    #: may be complete.
    patience_seconds: float


@frozen(kw_only=True)
class LoadReport:
    """The findings of the client. Times are in microseconds, in ascending order."""

    broken_streams: int
    #: The problem of the first broken stream; empty if all streams were complete.
    problem: str
    #: The share of the window in which the client worked or waited for the CPU.
    busy_share: float
    #: The time from the creation of each token in the window to its arrival.
    tokens: Sequence[int] = ()
    #: The time from the connection of each stream to its first token.
    first_tokens: Sequence[int] = ()


def run_load(load: Load, folder: Path, at_edge: Callable[[], None]) -> LoadReport:
    """Runs a load, and calls `at_edge` at the beginning and at the end of the window.

    Raises:
        BenchmarkError: the client ended too early.
    """
    latencies = folder / "latencies"
    seconds = (load.window_begin_seconds, load.window_seconds, load.patience_seconds)
    command = [str(tool("load_client")), str(load.tokens), *map(str, seconds), str(latencies)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        try:
            to_client, from_client = cast("IO[bytes]", client.stdin), cast("IO[bytes]", client.stdout)
            for start, text in load.streams:
                request = text.encode()
                to_client.write(b"%f %d %d\n%b" % (start, load.port, len(request), request))
            to_client.close()
            for _ in range(2):
                if from_client.readline() == b"window\n":
                    at_edge()
            report = from_client.read()
            if client.wait() or not report:
                raise BenchmarkError(f"The load client ended with status {client.returncode}.")
        finally:
            client.kill()
    words = array("I", latencies.read_bytes())
    records = list(zip(words[::2], words[1::2], strict=True))
    # The kind of a record is 0 for a token in the window, and 1 for a stream's first token.
    tokens, first = (sorted(micros for what, micros in records if what == kind) for kind in range(2))
    return LoadReport(**orjson.loads(report), tokens=tokens, first_tokens=first)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Returns the value below which this share of all values lies; 0 if there are no values."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
