"""Measures one subject under streams, with a fresh token source, subject and load client."""

import random

from attrs import frozen
from benchmarks.database import Bench
from benchmarks.load_client import Load, LoadReport, quantile, run_load
from benchmarks.processes import Reading, memory_of_family_kb
from benchmarks.programs import PERIOD_SECONDS, Running, running_source, share_later_than
from benchmarks.subjects import Subject

_SHORTEST_RAMP_SECONDS, _SLOWING = 2.0, 1.5
_SETTLE_SECONDS = 1.5
_PATIENCE_SECONDS = 60.0
# The subject keeps up if the share `_THROUGHPUT` of the tokens arrives, and `_SHARE_IN_TIME` of them in `_IN_TIME_MS`.
_IN_TIME_MS, _SHARE_IN_TIME, _THROUGHPUT = 100, 0.99, 0.97
# The token source was the bottleneck if it made more than the share `_MOST_LATE` of the tokens over `_LATE_MS` late,
# and the load client if it was busy for more than the share `_MOST_BUSY`.
_LATE_MS, _MOST_LATE, _MOST_BUSY = 20, 0.01, 0.97
#: The share of a core, taken by other programs and the kernel, above which a measurement is repeated.
MOST_TAKEN = 0.3


@frozen(kw_only=True)
class Measurement:
    """The result of one measurement. CPU times are in microseconds for each token that arrived in the window."""

    subject: str
    streams: int
    cpu_micros: float
    database_cpu_micros: float
    memory_kb_per_stream: float
    latency_p50_ms: float
    latency_p99_ms: float
    first_token_p50_ms: float
    #: The share of one core that other programs, the kernel and the hypervisor took.
    taken_share: float
    #: How the subject failed to keep up; empty if all tokens arrived and 99 of 100 were in time.
    behind: str
    #: The first token that was wrong, missing, repeated or misplaced; empty if all tokens were correct.
    broken: str
    #: Why the tools or other programs were measured instead of the subject; empty if the subject was measured.
    spoiled: str


@frozen
class Trial:
    """Measures a number of streams with twenty tokens a second each, all of them open for some seconds."""

    streams: int
    seconds: float
    #: Whether each stream is read to its last token; if not, all streams end with the window.
    is_to_the_end: bool = True

    def tokens(self, subject: Subject) -> int:
        """Returns the number of tokens of a reply with which all streams are open together, with time to settle."""
        return round((self._ramp_seconds(subject) + self.seconds + 2 * _SETTLE_SECONDS) / PERIOD_SECONDS)

    def load(self, subject: Subject, running: Running) -> Load:
        """Returns the load with a stream for each request; streams begin in turn, at slightly random times."""
        requests = subject.requests(running, self.streams)
        ramp = self._ramp_seconds(subject)
        # If many streams are open while others begin, the last streams begin more slowly.
        slowing = 1.0 if ramp == _SHORTEST_RAMP_SECONDS else _SLOWING
        starts = [ramp * ((n + random.random()) / len(requests)) ** slowing for n in range(len(requests))]
        patience = 2 * ramp + self.seconds + _PATIENCE_SECONDS
        return Load(
            port=running.port,
            streams=list(zip(starts, requests, strict=True)),
            tokens=self.tokens(subject),
            window_begin_seconds=ramp + _SETTLE_SECONDS,
            window_seconds=self.seconds,
            patience_seconds=patience if self.is_to_the_end else 0,
        )

    def measure(self, subject: Subject, bench: Bench) -> Measurement:
        """Starts all programs and measures once."""
        with running_source(self.tokens(subject)) as source, subject.running(source.port, bench) as running:
            load = self.load(subject, running)
            memory_kb, late_shares, readings = [memory_of_family_kb(running.pid)], [0.0], []

            def at_edge() -> None:
                readings.append(Reading.of(subject=running.pid, database=bench.server_pid))
                memory_kb.append(memory_of_family_kb(running.pid))
                # The source reports the late tokens since the last call, so the call at the window's end covers the
                # window.
                late_shares.append(share_later_than(source, _LATE_MS))

            report = run_load(load, bench.folder, at_edge)
            grown_kb = (memory_kb[-1] - memory_kb[0]) / self.streams
            return self.measurement(subject.name, report, readings[0], readings[-1], late_shares[-1], grown_kb)

    def measurement(
        self, subject: str, report: LoadReport, first: Reading, last: Reading, late_share: float, memory_kb: float
    ) -> Measurement:
        """Computes the measurement from the load client's report and the readings at the window's edges."""
        tokens, expected = len(report.tokens), self.streams / PERIOD_SECONDS * (last.at - first.at)
        in_time = sum(micros < _IN_TIME_MS * 1000 for micros in report.tokens) / max(tokens, 1)
        is_behind = tokens < expected * _THROUGHPUT or in_time < _SHARE_IN_TIME
        broken = f"{report.broken_streams} streams were not complete: {report.problem}"
        return Measurement(
            subject=subject,
            streams=self.streams,
            cpu_micros=last.cpu_since(first, "subject") * 1e6 / max(tokens, 1),
            database_cpu_micros=last.cpu_since(first, "database") * 1e6 / max(tokens, 1),
            memory_kb_per_stream=memory_kb,
            latency_p50_ms=quantile(report.tokens, 0.5) / 1000,
            latency_p99_ms=quantile(report.tokens, 0.99) / 1000,
            first_token_p50_ms=quantile(report.first_tokens, 0.5) / 1000,
            taken_share=last.taken_since(first),
            behind=f"{tokens / expected:.0%} of the tokens arrived, {in_time:.1%} in time" if is_behind else "",
            broken=broken if report.broken_streams else "",
            spoiled=_spoiled(late_share, report.busy_share) or last.disturbance_since(first),
        )

    def _ramp_seconds(self, subject: Subject) -> float:
        return max(_SHORTEST_RAMP_SECONDS, self.streams / subject.starts_per_second)


def _spoiled(late_share: float, busy_share: float) -> str:
    if late_share > _MOST_LATE:
        return f"the token source was the bottleneck: it made {late_share:.0%} of the tokens over {_LATE_MS} ms late"
    if busy_share > _MOST_BUSY:
        return f"the load client was the bottleneck: it was busy for {busy_share:.0%} of the time"
    return ""
