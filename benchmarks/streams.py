"""What a relayed token costs, everything on, beside what it costs at least.

    python -m benchmarks.streams --streams 100 1000 --seconds 6

Linux only. See docs/performance.md for what the figures mean.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import asdict
from benchmarks.machine import most_files, require_files, require_linux
from benchmarks.measurement import Measurement
from benchmarks.options import count, duration
from benchmarks.problem import BenchmarkError
from benchmarks.programs import give_way, pin
from benchmarks.stopping import stoppable
from benchmarks.subjects import Subject, subjects
from benchmarks.trial import Bench, Trial

from chatcore_dev.data_directory import DataDirectory
from chatcore_dev.interruption import Interruption
from chatcore_dev.local_stack_error import LocalStackError
from chatcore_dev.postgres.embedded_postgres import EmbeddedPostgres

#: Of a trial that the tools or the machine spoiled.
_TRIES = 2

_ROW = "{:28}{:>9}{:>7}{:>9}{:>8}{:>8}{:>8}{:>8}{:>8}{:>10}{:>8}{:>7}{:>7}{:>7}"
_HEADINGS = (
    "",
    "CPU µs",
    "times",
    "first t.",
    "p50",
    "p99",
    "kB",
    "source",
    "client",
    "database",
    "late",
    "idle",
    "stolen",
    "others",
)
_UNITS = ("", "a token", "limit", "p50, ms", "ms", "ms", "/stream", "µs", "µs", "µs", "", "", "", "")


def measured(trial: Trial, subject: Subject, bench: Bench) -> Measurement:
    """A trial that nothing spoiled or disturbed, if one of two is; else the one with the least of it.

    Raises:
        BenchmarkError: it could not be done.
    """
    tries: list[Measurement] = []
    while len(tries) < _TRIES:
        tries.append(trial.measure(subject, bench))
        if not (tries[-1].spoiled or tries[-1].disturbance):
            break
    # A token that was wrong once was wrong.
    return min(tries, key=lambda tried: (not tried.broken, bool(tried.spoiled), tried.disturbance))


def rounds(
    trial: Trial, candidates: Sequence[Subject], bench: Bench, *, count: int, show: Callable[[str], None]
) -> list[list[Measurement]]:
    """Measures all subjects in turns, so that what the machine does meanwhile meets them alike.

    Raises:
        BenchmarkError: one of them could not be measured.
    """
    show(f"\n{trial.streams} streams, 20 tokens/s each, {trial.seconds:g} s")
    show(_ROW.format(*_HEADINGS))
    show(_ROW.format(*_UNITS))
    done = []
    for _ in range(count):
        turn: list[Measurement] = []
        for subject in candidates:
            turn.append(measured(trial, subject, bench))
            show(_line(turn))
        done.append(turn)
    return done


def _line(turn: Sequence[Measurement]) -> str:
    """The newest measurement of a turn, beside the first that has a cost."""
    last = turn[-1]
    least = next((m.cpu_micros for m in turn if m.cpu_micros), 0.0)
    figures = (
        f"{last.cpu_micros:.1f}" if last.cpu_micros else "",
        f"{last.cpu_micros / least:.2f}" if last.cpu_micros else "",
        f"{last.first_token_p50_ms:.1f}",
        f"{last.latency_p50_ms:.2f}",
        f"{last.latency_p99_ms:.1f}",
        f"{last.memory_kb_per_stream:.0f}" if last.cpu_micros else "",
        f"{last.source_cpu_micros:.1f}",
        f"{last.client_cpu_micros:.1f}",
        f"{last.database_cpu_micros:.1f}",
        f"{last.late_share:.1%}",
        f"{last.tools_idle_share:.0%}",
        f"{last.stolen_share:.0%}",
        f"{last.others_share:.0%}",
    )
    complaints = [f"\n  {complaint}" for complaint in (last.broken, last.spoiled) if complaint]
    return _ROW.format(last.subject, *figures) + "".join(complaints)


def complaints(done: Sequence[Sequence[Measurement]]) -> list[str]:
    """What spoils a run: streams that were not whole, and tools that were the bottleneck."""
    return [said for turn in done for m in turn for said in (m.broken, m.spoiled) if said]


def results(done: Sequence[Sequence[Measurement]]) -> Sequence[Sequence[Mapping[str, object]]]:
    """The rounds as JSON has them."""
    return [[asdict(measurement) for measurement in turn] for turn in done]


@contextmanager
def bench(folder: Path) -> Generator[Bench]:
    """A PostgreSQL of the benchmark's own, with fsync as it should be, and a folder."""
    data = DataDirectory(folder / "database")
    with (
        Interruption() as interruption,
        data.claimed(),
        EmbeddedPostgres(data, interruption).running() as (server, url),
    ):
        pin(server.pid, None)
        give_way(server.pid)
        with stoppable():
            yield Bench(database_url=url, database_pid=server.pid, folder=folder)


@contextmanager
def database(folder: Path) -> Generator[str]:
    """The URL of such a PostgreSQL."""
    with bench(folder) as made:
        yield made.database_url


def main() -> int:
    """Prints the tables; 0 when every stream was whole and the tools were not the bottleneck."""
    parser = argparse.ArgumentParser(description="What a relayed token costs.")
    parser.add_argument("--streams", type=count, nargs="+", default=[100, 1000], help="at once (default: 100 1000)")
    parser.add_argument("--seconds", type=duration, default=6.0, help="of each measurement (default: 6)")
    parser.add_argument("--rounds", type=count, default=1, help="in which all take turns (default: 1)")
    parser.add_argument("--only", help="a word in the name of the subjects that are measured (default: all)")
    options = parser.parse_args()
    try:
        return _measure(options)
    except (BenchmarkError, LocalStackError) as error:
        print(error, file=sys.stderr)
        return 1


def _measure(options: argparse.Namespace) -> int:
    require_linux()
    require_files(max(options.streams), most_files())
    broken: list[str] = []
    with tempfile.TemporaryDirectory(prefix="chatcore-bench-") as name, bench(Path(name)) as made:
        candidates = [s for s in subjects(made.database_url) if not options.only or options.only in s.name]
        for streams in options.streams:
            trial = Trial(streams, options.seconds)
            broken += complaints(rounds(trial, candidates, made, count=options.rounds, show=_show))
    return 1 if broken else 0


def _show(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
