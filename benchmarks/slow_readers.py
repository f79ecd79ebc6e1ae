"""What readers who read nothing cost the others: their relay latency with such readers, and without, in one run.

    python -m benchmarks.slow_readers --streams 100 --stalled 100

Linux only. The kernel's buffers are kept small, so that it is the service that holds what is not read.
"""

import argparse
import http.client
import socket
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from attrs import frozen
from benchmarks.conversations import Conversation
from benchmarks.load_client import Heard, Load, LoadClient, quantile
from benchmarks.machine import most_files, require_files, require_linux
from benchmarks.meter import memory_of_family_kb
from benchmarks.options import count, duration
from benchmarks.problem import BenchmarkError
from benchmarks.programs import pin
from benchmarks.streams import bench
from benchmarks.subjects import MANY_READERS, Chatcore, Running
from benchmarks.tools import tools
from benchmarks.trial import Bench, Trial, running_source

#: Streams that are read, and beside them readers who read nothing.
STALLED_STREAMS, STALLED_READERS = 100, 100
#: Text of the reply that nobody reads: more than the kernel and the service hold of it together.
_UNREAD_CHARS = 1_000_000
_RECEIVE_BYTES, _SEGMENT_BYTES = 4096, 536
_SETTLE_SECONDS = 1.0

_LENGTHEN = """
update messages set content = repeat('sea ', %(chars)s / 4)
where (user_id, conversation_id, id) in (
    select user_id, conversation_id, id from messages where role = 'assistant' and status = 'complete' limit 1
)
returning user_id, conversation_id, id
"""


@frozen(kw_only=True)
class StallCost:
    """What stalled readers came to: latencies are those of the others' tokens."""

    streams: int
    stalled: int
    alone_p50_ms: float
    alone_p99_ms: float
    beside_p50_ms: float
    beside_p99_ms: float
    #: Of the service, by stalled reader.
    memory_kb: float
    broken: str

    @property
    def times_p99(self) -> float:
        """How many times the others' latency is what it is without stalled readers."""
        return self.beside_p99_ms / self.alone_p99_ms if self.alone_p99_ms else 0.0


@frozen
class Stalling:
    """So many streams that are read, first by themselves and then beside so many that are not."""

    streams: int
    stalled: int
    seconds: float

    def measure(self, made: Bench) -> StallCost:
        """Starts everything afresh, and measures twice.

        Raises:
            BenchmarkError: something could not be started.
        """
        subject, trial = Chatcore(made.database_url, MANY_READERS), Trial(self.streams, self.seconds)
        with (
            running_source(trial.tokens(subject)) as source,
            subject.running(source.port, made.folder) as running,
        ):
            alone, _ = _heard(trial.load(subject, running), made, running)
            load = trial.load(subject, running)
            memory_kb = memory_of_family_kb(running.pid)
            with _stalled(running.port, _unread(made.database_url, running.port), self.stalled):
                time.sleep(_SETTLE_SECONDS)
                memory_kb = memory_of_family_kb(running.pid) - memory_kb
                beside, left = _heard(load, made, running)
        return self._cost(alone, beside, memory_kb / self.stalled, left)

    def _cost(self, alone: Heard, beside: Heard, memory_kb: float, left: float) -> StallCost:
        without, with_them = (heard.timings.tokens for heard in (alone, beside))
        problems = [heard.problem for heard in (alone, beside) if heard.broken_streams]
        if left < self.stalled + self.streams:
            problems.append("readers who were to stall did not")
        return StallCost(
            streams=self.streams,
            stalled=self.stalled,
            alone_p50_ms=quantile(without, 0.5) / 1000,
            alone_p99_ms=quantile(without, 0.99) / 1000,
            beside_p50_ms=quantile(with_them, 0.5) / 1000,
            beside_p99_ms=quantile(with_them, 0.99) / 1000,
            memory_kb=memory_kb,
            broken="; ".join(problems),
        )


def stalling(made: Bench, seconds: float) -> StallCost:
    """A hundred streams, and a hundred readers beside them who read nothing.

    Raises:
        BenchmarkError: something could not be started.
    """
    return Stalling(STALLED_STREAMS, STALLED_READERS, seconds).measure(made)


def _heard(load: Load, made: Bench, running: Running) -> tuple[Heard, float]:
    """What the others heard, and how many streams were open as the window ended."""
    open_streams = [0.0]
    with LoadClient(tools().load_client, load, made.folder) as client:
        pin(client.pid, None)
        heard = client.run(lambda: open_streams.append(_open_streams(running.port)))
    return heard, open_streams[-1]


def _open_streams(port: int) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("chatcore_open_streams "))


def _unread(database_url: str, port: int) -> bytes:
    """The request that follows a reply which has become a long one."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        row = connection.execute(_LENGTHEN, {"chars": _UNREAD_CHARS}).fetchone()
    if row is None:
        raise BenchmarkError("There is no reply to be read.")
    user, conversation_id, reply_id = row
    return Conversation(user, str(conversation_id)).reader(port, str(reply_id)).encode()


@contextmanager
def _stalled(port: int, request: bytes, count: int) -> Generator[None]:
    with ExitStack() as stack:
        for _ in range(count):
            reader = stack.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            # A sender's buffer begins at so many segments.
            reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT_BYTES)
            reader.connect(("127.0.0.1", port))
            reader.sendall(request)
        yield


def main() -> int:
    """Prints it; 0 when every stream was whole."""
    parser = argparse.ArgumentParser(description="What readers who read nothing cost the others.")
    parser.add_argument("--streams", type=count, default=STALLED_STREAMS, help="that are read (default: 100)")
    parser.add_argument("--stalled", type=count, default=STALLED_READERS, help="that are not (default: 100)")
    parser.add_argument("--seconds", type=duration, default=6.0, help="of each measurement (default: 6)")
    options = parser.parse_args()
    try:
        require_linux()
        require_files(options.streams + options.stalled, most_files())
        with tempfile.TemporaryDirectory(prefix="chatcore-bench-") as name, bench(Path(name)) as made:
            cost = Stalling(options.streams, options.stalled, options.seconds).measure(made)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"alone:  p50 {cost.alone_p50_ms:.2f} ms, p99 {cost.alone_p99_ms:.1f} ms")
    print(f"beside: p50 {cost.beside_p50_ms:.2f} ms, p99 {cost.beside_p99_ms:.1f} ms, {cost.times_p99:.2f} times")
    print(f"{cost.memory_kb:.0f} kB a stalled reader")
    if cost.broken:
        print(cost.broken, file=sys.stderr)
    return 1 if cost.broken else 0


if __name__ == "__main__":
    sys.exit(main())
