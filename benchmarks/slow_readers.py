"""Measures the cost of stalled readers: the latency of a hundred other streams with and without stalled readers."""

import socket
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import psycopg
from benchmarks.database import Bench
from benchmarks.load_client import Load, LoadReport, quantile, run_load
from benchmarks.options import Options
from benchmarks.processes import Reading, memory_of_family_kb
from benchmarks.programs import Running, get, running_source
from benchmarks.results import Results
from benchmarks.subjects import Chatcore, authorization, http_request
from benchmarks.trial import Trial

# A hundred streams are read while a hundred stalled readers read nothing.
_STREAMS, _STALLED = 100, 100
# The kernel and the service together cannot buffer this much text.
_UNREAD_CHARS = 1_000_000
# The kernel's buffers are kept small, so that the service has to hold the unread text.
_RECEIVE_BYTES, _SEGMENT_BYTES = 4096, 536
_SETTLE_SECONDS = 1.0
_LENGTHEN = """
update messages set content = repeat('sea ', %(chars)s / 4)
where (user_id, id) in (
    select user_id, id from messages where role = 'assistant' and status = 'complete' limit 1
)
returning user_id, conversation_id, id
"""


def measure_stalled(options: Options, bench: Bench) -> Results:
    """Measures streams with and without stalled readers, in fresh processes in every round."""
    return {"rounds": [_measure_round(options.seconds, bench) for _ in range(options.rounds)]}


def _measure_round(seconds: float, bench: Bench) -> Results:
    # All stalled readers belong to one user.
    subject, trial = Chatcore(settings={"MAX_STREAMS_PER_USER": "2000"}), Trial(_STREAMS, seconds)
    with running_source(trial.tokens(subject)) as source, subject.running(source.port, bench) as running:
        first = Reading.of()
        alone, _ = _run(trial.load(subject, running), running, bench)
        load, memory_kb = trial.load(subject, running), memory_of_family_kb(running.pid)
        with _stalled_readers(running):
            time.sleep(_SETTLE_SECONDS)
            memory_kb = memory_of_family_kb(running.pid) - memory_kb
            beside, open_streams = _run(load, running, bench)
        spoiled = Reading.of().disturbance_since(first)
    problems = [report.problem for report in (alone, beside) if report.broken_streams]
    if open_streams < _STALLED + _STREAMS:
        problems.append("readers who were to stall did not")
    return {
        "alone_p99_ms": quantile(alone.tokens, 0.99) / 1000,
        "beside_p99_ms": quantile(beside.tokens, 0.99) / 1000,
        "memory_kb": memory_kb / _STALLED,
        "broken": "; ".join(problems),
        "spoiled": spoiled,
    }


def _run(load: Load, running: Running, bench: Bench) -> tuple[LoadReport, float]:
    """Returns the load client's report, and the number of open streams at the end of the window."""
    counts: list[float] = []

    def count_open_streams() -> None:
        lines = get(running.port, "/metrics")[1].decode().splitlines()
        counts.append(sum(float(line.split()[-1]) for line in lines if line.startswith("chatcore_open_streams ")))

    return run_load(load, bench.folder, count_open_streams), counts[-1]


@contextmanager
def _stalled_readers(running: Running) -> Generator[None]:
    """Lengthens a reply in the database, and opens connections that request the reply but read no answer."""
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        ((user, conversation, reply),) = connection.execute(_LENGTHEN, {"chars": _UNREAD_CHARS}).fetchall()
    target = f"GET /api/conversations/{conversation}/messages/{reply}/stream"
    with ExitStack() as stack:
        for _ in range(_STALLED):
            reader = stack.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            # The sender's buffer starts at a certain number of segments.
            reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT_BYTES)
            reader.connect(("127.0.0.1", running.port))
            reader.sendall(http_request(target, authorization(user)).encode())
        yield
