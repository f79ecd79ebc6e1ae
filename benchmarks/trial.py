"""One measurement of one subject, with everything fresh: a token source, the subject, and the load client."""

import random
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen
from benchmarks.load_client import Asked, Load, LoadClient
from benchmarks.measurement import Measurement, measurement
from benchmarks.meter import Meter, all_cores, memory_of_family_kb
from benchmarks.programs import SUBJECT_CORE, free_port, pin, program, wait_for
from benchmarks.subjects import Running, Subject
from benchmarks.token_source import PERIOD_SECONDS, lateness, source_command
from benchmarks.tools import tools

_SHORTEST_RAMP_SECONDS = 2.0
_SLOWING = 1.5
_SETTLE_SECONDS = 1.5
_PATIENCE_SECONDS = 60.0


@frozen(kw_only=True)
class Bench:
    """What all trials share."""

    database_url: str
    #: Of the database's first process.
    database_pid: int
    #: For what subjects keep.
    folder: Path


@frozen
class Source:
    """A token source that runs."""

    port: int
    pid: int


@frozen
class Trial:
    """So many streams of twenty tokens a second, all open for so many seconds."""

    streams: int
    seconds: float
    #: Whether each stream is followed to its last token, or all is over with the window.
    is_to_the_end: bool = True

    def ramp_seconds(self, subject: Subject) -> float:
        """How long it takes to begin them all."""
        return max(_SHORTEST_RAMP_SECONDS, self.streams / subject.starts_per_second)

    def tokens(self, subject: Subject) -> int:
        """How long a reply has to be so that all are open together, with time to settle on either side."""
        return round((self.ramp_seconds(subject) + self.seconds + 2 * _SETTLE_SECONDS) / PERIOD_SECONDS)

    def load(self, subject: Subject, running: Running) -> Load:
        """A stream for each of its requests; they begin one after the other, each a little at random."""
        requests = subject.requests(running, self.streams)
        ramp = self.ramp_seconds(subject)
        # Where many begin while many are open, the last have to take it slowly: what each costs is not the measure.
        slowing = 1.0 if ramp == _SHORTEST_RAMP_SECONDS else _SLOWING
        starts = [ramp * ((n + random.random()) / len(requests)) ** slowing for n in range(len(requests))]
        patience = 2 * ramp + self.seconds + _PATIENCE_SECONDS
        return Load(
            streams=[Asked(start, running.port, request) for start, request in zip(starts, requests, strict=True)],
            tokens=self.tokens(subject),
            window_begin_seconds=ramp + _SETTLE_SECONDS,
            window_seconds=self.seconds,
            patience_seconds=patience if self.is_to_the_end else None,
        )

    def measure(self, subject: Subject, bench: Bench) -> Measurement:
        """Starts source and subject afresh, and loads them.

        Raises:
            BenchmarkError: one of them could not be started.
        """
        with (
            running_source(self.tokens(subject)) as source,
            subject.running(source.port, bench.folder) as running,
            LoadClient(tools().load_client, self.load(subject, running), bench.folder) as client,
        ):
            pin(client.pid, None)
            return self._measured(subject.name, bench, source, running, client)

    def _measured(
        self, subject: str, bench: Bench, source: Source, running: Running, client: LoadClient
    ) -> Measurement:
        memory_kb = [memory_of_family_kb(running.pid)]
        late: Sequence[tuple[int, int]] = ()

        def look() -> None:
            nonlocal late
            meter.look()
            memory_kb.append(memory_of_family_kb(running.pid))
            # Asked at either edge: what it says at the end is what came since the beginning.
            late = lateness(source.port)

        meter = watch(bench, subject=running.pid, source=source.pid, client=client.pid)
        heard = client.run(look)
        grown_kb = memory_kb[-1] - memory_kb[0]
        return measurement(subject, self.streams, heard, meter.used(), late=late, memory_kb=grown_kb)


def watch(bench: Bench, **pids: int) -> Meter:
    """A meter of these processes, the database, and the cores of the tools and of all."""
    cores = frozenset(all_cores())
    return Meter({**pids, "database": bench.database_pid}, {"tools": cores - {SUBJECT_CORE} or cores, "all": cores})


@contextmanager
def running_source(tokens: int) -> Generator[Source]:
    """A token source whose replies have so many tokens.

    Raises:
        BenchmarkError: it could not be started.
    """
    port = free_port()
    with ExitStack() as stack:
        pid = stack.enter_context(program(source_command(port, tokens)))
        wait_for(port, pid)
        yield Source(port, pid)
