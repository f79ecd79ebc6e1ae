"""The load client as Python sees it: what it is asked to do, and what it says.

The client itself is tools/load_client.c, which checks every token of each stream.
"""

import subprocess
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Self, cast

import orjson
from attrs import frozen
from benchmarks.problem import BenchmarkError

_RECORD_WORDS = 2
_TOKEN, _FIRST = range(2)


@frozen
class Asked:
    """One stream: when it begins, counted from the start, and what it asks of whom."""

    start_seconds: float
    port: int
    #: One whole HTTP request.
    request: str


@frozen(kw_only=True)
class Load:
    """What is to be done."""

    #: In the order in which they begin.
    streams: Sequence[Asked]
    #: Of each stream.
    tokens: int
    #: When all are open, counted from the start, and for how long they are then measured.
    window_begin_seconds: float
    window_seconds: float
    #: When streams that still have not ended count as broken. None ends everything with the window, in good order.
    patience_seconds: float | None


@frozen
class Timings:
    """In microseconds, each in ascending order."""

    #: From the making of a token to its arrival, of those in the window.
    tokens: Sequence[int] = ()
    #: From a stream's connection to its first token.
    first_tokens: Sequence[int] = ()


@frozen(kw_only=True)
class Heard:
    """What came of it."""

    broken_streams: int
    #: Of the first broken stream; empty when all were whole.
    problem: str
    #: The share of the window in which the client had something to do, or was kept from doing it.
    busy_share: float
    timings: Timings


class LoadClient:
    """A running client. To be used as ``with LoadClient(...) as client``: it ends with the block."""

    def __init__(self, program: Path, load: Load, folder: Path) -> None:
        self._latencies = folder / f"latencies-{id(self)}"
        seconds = (load.window_begin_seconds, load.window_seconds, load.patience_seconds or 0)
        command = [str(program), str(load.tokens), *map(str, seconds), str(self._latencies)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._to_client = cast("IO[bytes]", self._process.stdin)
        self._from_client = cast("IO[bytes]", self._process.stdout)
        self._plan = b"".join(map(_planned, load.streams))

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._to_client.close()
        self._from_client.close()
        self._latencies.unlink(missing_ok=True)

    def run(self, at_edge: Callable[[], None]) -> Heard:
        """Does it, and calls what it is given as the window begins and as it ends.

        Raises:
            BenchmarkError: the client ended before it was done.
        """
        self._to_client.write(self._plan)
        self._to_client.close()
        for _ in range(2):
            if self._from_client.readline() == b"window\n":
                at_edge()
        said = self._from_client.read()
        if self._process.wait() or not said:
            raise BenchmarkError(f"The load client ended with status {self._process.returncode}.")
        return Heard(**orjson.loads(said), timings=_read_timings(self._latencies))


def _planned(stream: Asked) -> bytes:
    request = stream.request.encode()
    return b"%f %d %d\n%b" % (stream.start_seconds, stream.port, len(request), request)


def _read_timings(file: Path) -> Timings:
    words = array("I")
    words.frombytes(file.read_bytes())
    by_kind: dict[int, list[int]] = {_TOKEN: [], _FIRST: []}
    for kind, micros in zip(*(words[n::_RECORD_WORDS] for n in range(_RECORD_WORDS)), strict=True):
        by_kind[kind].append(micros)
    return Timings(*(sorted(by_kind[kind]) for kind in (_TOKEN, _FIRST)))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which this share lies; 0 of none."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
