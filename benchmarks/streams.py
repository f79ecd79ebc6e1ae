"""What a relayed token costs, everything on, beside what it costs at least. Takes about three minutes.

    make bench
    make bench BENCH="--streams 50 500 --seconds 10"

Linux only. See benchmarks/README.md for what the figures mean.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson
from attrs import asdict, frozen
from benchmarks.load_client import Load, Report
from benchmarks.subjects import Subject, free_port, pin, program, subjects, wait_for
from benchmarks.token_source import PERIOD_SECONDS

from chatcore_service.local.data_directory import DataDirectory
from chatcore_service.local.embedded_postgres import EmbeddedPostgres
from chatcore_service.local.interruption import Interruption

#: Slow enough for a database to begin that many turns meanwhile.
_STARTS_PER_SECOND = 60

_ROW = "{:28}{:>10}{:>8}{:>14}{:>10}{:>10}{:>10}"
_HEADINGS = ("", "CPU µs", "times", "first token", "p50", "p99", "memory")
_UNITS = ("", "a token", "least", "p50, ms", "ms", "ms", "kB/stream")


@frozen
class Trial:
    """One measurement: so many streams of twenty tokens a second, all open for so many seconds."""

    streams: int
    seconds: float

    @property
    def ramp_seconds(self) -> float:
        """How long it takes to begin them all."""
        return max(2.0, self.streams / _STARTS_PER_SECOND)

    @property
    def tokens(self) -> int:
        """How long a reply has to be so that all are open together, with a second to settle on either side."""
        return round((self.ramp_seconds + self.seconds + 2.0) / PERIOD_SECONDS)

    def measure(self, subject: Subject, folder: Path) -> Report:
        """Starts source and subject afresh, and loads them."""
        port = free_port()
        source = [sys.executable, "-m", "benchmarks.token_source", f"--port={port}", f"--tokens={self.tokens}"]
        with program(source):
            wait_for(port)
            with subject.running(port, folder) as running:
                load = Load(
                    port=running.port,
                    pid=running.pid,
                    requests=subject.requests(running, self.streams),
                    tokens=self.tokens,
                    ramp_seconds=self.ramp_seconds,
                    window_seconds=self.seconds,
                )
                return _reported(load)


def _reported(load: Load) -> Report:
    client = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load_client"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    pin(client.pid, None)
    output, _ = client.communicate(orjson.dumps(asdict(load)))
    return Report(**orjson.loads(output))


def compare(trial: Trial, candidates: Sequence[Subject], folder: Path) -> bool:
    """Prints a table; returns whether every stream was whole."""
    print(f"\n{trial.streams} streams, 20 tokens/s each, {trial.seconds:g} s")
    print(_ROW.format(*_HEADINGS))
    print(_ROW.format(*_UNITS))
    least = 0.0
    is_whole = True
    for subject in candidates:
        report = trial.measure(subject, folder)
        least = least or report.cpu_micros_per_token
        print(_ROW.format(subject.name, *_figures(report, least)), flush=True)
        if report.broken_streams:
            print(f"  {report.broken_streams} streams were not whole; one said: {report.first_problem[-300:]}")
            is_whole = False
    return is_whole


def _figures(report: Report, least: float) -> tuple[str, ...]:
    cpu = report.cpu_micros_per_token
    is_measured = cpu > 0
    return (
        f"{cpu:.1f}" if is_measured else "",
        f"{cpu / least:.2f}" if is_measured else "",
        f"{report.first_token_p50_ms:.1f}",
        f"{report.latency_p50_ms:.2f}",
        f"{report.latency_p99_ms:.1f}",
        f"{report.memory_kb_per_stream:.0f}" if is_measured else "",
    )


@contextmanager
def database(folder: Path) -> Generator[str]:
    """A PostgreSQL of the benchmark's own, with fsync as it should be; its URL."""
    data = DataDirectory(folder / "database")
    with (
        Interruption() as interruption,
        data.claimed(),
        EmbeddedPostgres(data, interruption).running() as (server, url),
    ):
        pin(server.pid, None)
        yield url


def main() -> int:
    """Prints the tables; 0 when every stream was whole."""
    parser = argparse.ArgumentParser(description="What a relayed token costs.")
    parser.add_argument("--streams", type=int, nargs="+", default=[100, 500], help="at once (default: 100 500)")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement (default: 6)")
    options = parser.parse_args()
    is_whole = True
    with tempfile.TemporaryDirectory(prefix="chatcore-bench-") as name, database(Path(name)) as url:
        for streams in options.streams:
            is_whole &= compare(Trial(streams, options.seconds), subjects(url), Path(name))
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
