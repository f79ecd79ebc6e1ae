"""A load client: opens streams, checks every token of each, and measures the server meanwhile.

Reads one JSON object, a :class:`Load`, from standard input, and prints one, a :class:`Report`. Linux only: it reads
the server's CPU time and memory from /proc.
"""

import asyncio
import os
import random
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import orjson
import uvloop
from attrs import asdict, define, field, frozen

# Up to the end of its line: what of a line has not come whole is looked at again.
_TOKEN = re.compile(rb"t=(\d+);(\d+) [^\n]*\n")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") / 1024
_PATIENCE_SECONDS = 60.0


@frozen(kw_only=True)
class Load:
    """What is to be done."""

    port: int
    #: Of the server that is measured; 0 for none.
    pid: int
    #: One whole HTTP request for each stream.
    requests: Sequence[str]
    tokens: int
    #: Streams begin at random within so many seconds, then are measured for so many.
    ramp_seconds: float
    window_seconds: float


@frozen(kw_only=True)
class Report:
    """What came of it. Streams that were not complete to the last token spoil a measurement."""

    broken_streams: int
    first_problem: str
    tokens_in_window: int
    cpu_micros_per_token: float
    memory_kb_per_stream: float
    latency_p50_ms: float
    latency_p99_ms: float
    first_token_p50_ms: float


@define(eq=False)
class Measurements:
    """What all streams add to."""

    is_in_window: bool = False
    latencies_micros: list[int] = field(factory=list)
    first_tokens_seconds: list[float] = field(factory=list)
    first_problem: str = ""


class Stream(asyncio.Protocol):
    """One stream from its request to its end."""

    def __init__(self, request: str, measurements: Measurements) -> None:
        self._request = request.encode()
        self._measurements = measurements
        self._began = time.monotonic()
        self._pending = b""
        self._transport: asyncio.Transport | None = None
        self.ended = asyncio.get_running_loop().create_future()
        #: Tokens so far, each the one after the last.
        self.tokens = 0
        self.is_in_order = True
        self.is_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Looks at every token that is complete."""
        now = time.monotonic_ns() // 1000
        received = self._pending + data
        for made_at, number in _TOKEN.findall(received):
            self._take(now - int(made_at), int(number))
        if b'"done"' in received:
            self.is_closed = True
            self._end()
        self._pending = received[received.rfind(b"\n") + 1 :]
        if not self.tokens and not received.startswith(b"HTTP/1.1 200") and data.startswith(b"HTTP/1.1"):
            self._measurements.first_problem = received.decode(errors="replace")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """The server closed it."""
        self._end()

    def _take(self, latency_micros: int, number: int) -> None:
        measurements = self._measurements
        if not self.tokens:
            measurements.first_tokens_seconds.append(time.monotonic() - self._began)
        self.is_in_order &= number == self.tokens
        self.tokens += 1
        if measurements.is_in_window:
            measurements.latencies_micros.append(latency_micros)

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        if self._transport is not None:
            self._transport.close()


async def run(load: Load) -> Report:
    """Does it."""
    measurements = Measurements()
    memory_before = memory_kb(load.pid)
    streams = [asyncio.ensure_future(_stream(load, request, measurements)) for request in load.requests]
    await asyncio.sleep(load.ramp_seconds + 1.0)
    cpu_before, measurements.is_in_window = cpu_seconds(load.pid), True
    await asyncio.sleep(load.window_seconds)
    cpu, measurements.is_in_window = cpu_seconds(load.pid) - cpu_before, False
    memory = memory_kb(load.pid) - memory_before
    are_whole = await asyncio.gather(*streams)
    latencies = sorted(measurements.latencies_micros)
    return Report(
        broken_streams=are_whole.count(False),
        first_problem=measurements.first_problem,
        tokens_in_window=len(latencies),
        cpu_micros_per_token=cpu * 1e6 / max(len(latencies), 1),
        memory_kb_per_stream=memory / len(load.requests),
        latency_p50_ms=quantile(latencies, 0.5) / 1000,
        latency_p99_ms=quantile(latencies, 0.99) / 1000,
        first_token_p50_ms=quantile(sorted(measurements.first_tokens_seconds), 0.5) * 1000,
    )


async def _stream(load: Load, request: str, measurements: Measurements) -> bool:
    """One stream; returns whether it was whole."""
    await asyncio.sleep(random.uniform(0, load.ramp_seconds))
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(load.ramp_seconds + load.window_seconds + _PATIENCE_SECONDS):
            _, stream = await loop.create_connection(lambda: Stream(request, measurements), "127.0.0.1", load.port)
            await stream.ended
    except (TimeoutError, OSError) as error:
        measurements.first_problem = repr(error)
        return False
    return stream.is_closed and stream.is_in_order and stream.tokens == load.tokens


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which this share lies; 0 of none."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process, in user mode and in the kernel."""
    if not pid:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def memory_kb(pid: int) -> float:
    """What a process holds in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KB if pid else 0.0


if __name__ == "__main__":
    report = uvloop.run(run(Load(**orjson.loads(sys.stdin.buffer.read()))))
    sys.stdout.buffer.write(orjson.dumps(asdict(report)))
