"""A client of plain requests: each connection asks the same again as soon as it has been answered.

Reads one JSON object, a :class:`Requests`, from standard input, and prints one, an :class:`Answers`. Linux only: it
reads the server's CPU time from /proc.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import cast

import orjson
import uvloop
from attrs import asdict, define, field, frozen
from benchmarks.load_client import quantile
from benchmarks.processes import cpu_seconds

_WARM_UP_SECONDS = 0.1


@frozen(kw_only=True)
class Requests:
    """What is to be asked, and how long."""

    port: int
    #: Of the server that is measured.
    pid: int
    #: A whole HTTP request.
    request: str
    #: What every answer has to begin with.
    status_line: str
    connections: int
    seconds: float


@frozen(kw_only=True)
class Answers:
    """What came of it. Any answer with another status spoils a measurement."""

    requests: int
    seconds: float
    cpu_seconds: float
    latency_p50_ms: float
    #: Of one answer that was not as it should be.
    first_problem: str
    #: Of one that was.
    body: str


@define(eq=False)
class _Measurements:
    is_measuring: bool = False
    is_over: bool = False
    latencies: list[float] = field(factory=list)
    first_problem: str = ""
    body: bytes = b""


class _Asker(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: Requests, measurements: _Measurements) -> None:
        self._request = requests.request.encode()
        self._status_line = requests.status_line.encode()
        self._measurements = measurements
        self._transport: asyncio.Transport | None = None
        self._received: list[bytes] = []
        self._missing_bytes = 0
        self._asked_at = 0.0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the first time."""
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Counts what is still missing of the answer."""
        if not self._received:
            # A server may send the head by itself, and it does so in one piece.
            head, _, begun = data.partition(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            self._missing_bytes = size - len(begun)
        else:
            self._missing_bytes -= len(data)
        self._received.append(data)
        if self._missing_bytes == 0:
            self._answered()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server should not have closed it."""
        if not self._measurements.is_over:
            self._measurements.first_problem = f"The connection was lost: {exc}"
        self.ended.set_result(None)

    def _ask(self) -> None:
        assert self._transport is not None  # noqa: S101 - for the type checker
        self._received = []
        self._asked_at = time.perf_counter()
        self._transport.write(self._request)

    def _answered(self) -> None:
        measurements = self._measurements
        if not self._received[0].startswith(self._status_line):
            measurements.first_problem = b"".join(self._received).decode(errors="replace")
        if measurements.is_measuring:
            measurements.latencies.append(time.perf_counter() - self._asked_at)
        if measurements.is_over:
            measurements.body = b"".join(self._received).partition(b"\r\n\r\n")[2]
            cast("asyncio.Transport", self._transport).close()
        else:
            self._ask()


async def run(requests: Requests) -> Answers:
    """Asks."""
    measurements = _Measurements()
    askers = await _connected(requests, measurements)
    await asyncio.sleep(_WARM_UP_SECONDS)
    cpu_before, began = cpu_seconds(requests.pid), time.perf_counter()
    measurements.is_measuring = True
    await asyncio.sleep(requests.seconds)
    measurements.is_measuring = False
    cpu, seconds = cpu_seconds(requests.pid) - cpu_before, time.perf_counter() - began
    measurements.is_over = True
    await asyncio.gather(*(asker.ended for asker in askers))
    return Answers(
        requests=len(measurements.latencies),
        seconds=seconds,
        cpu_seconds=cpu,
        latency_p50_ms=quantile(sorted(measurements.latencies), 0.5) * 1000,
        first_problem=measurements.first_problem,
        body=measurements.body.decode(),
    )


async def _connected(requests: Requests, measurements: _Measurements) -> Sequence[_Asker]:
    loop = asyncio.get_running_loop()
    askers: list[_Asker] = []
    for _ in range(requests.connections):
        _, asker = await loop.create_connection(lambda: _Asker(requests, measurements), "127.0.0.1", requests.port)
        askers.append(asker)
    return askers


if __name__ == "__main__":
    answers = uvloop.run(run(Requests(**orjson.loads(sys.stdin.buffer.read()))))
    sys.stdout.buffer.write(orjson.dumps(asdict(answers)))
