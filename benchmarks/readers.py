"""What readers cost: on another replica than the reply's own, and a thousand of one reply."""

import http.client
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from attrs import frozen
from benchmarks.conversations import Conversation, conversations
from benchmarks.load_client import Asked, Heard, Load, LoadClient, Timings, quantile
from benchmarks.meter import Used, memory_of_family_kb
from benchmarks.programs import pin
from benchmarks.subjects import MANY_READERS, Chatcore, Running
from benchmarks.token_source import PERIOD_SECONDS
from benchmarks.tools import tools
from benchmarks.trial import Bench, running_source, watch

_RAMP_SECONDS = 2.0
# Once all replies have begun, their ids are asked for, and their readers come.
#: Of one reply.
MOST_READERS = 1000
_GATHER_SECONDS = 2.0
_SETTLE_SECONDS = 2.0
_PATIENCE_SECONDS = 60.0
_MICROS = 1_000_000


@frozen(kw_only=True)
class FollowCost:
    """What readers came to. CPU is in microseconds a token that the callers, or the readers, were sent."""

    replies: int
    readers: int
    #: Of the process that makes the replies, by the tokens of the callers who asked for them.
    owner_cpu_micros: float
    #: Of the process that the readers are at, by their tokens; the owner itself where they are there.
    reader_cpu_micros: float
    database_cpu_micros: float
    delay_p50_ms: float
    delay_p99_ms: float
    #: By reader, of the process that they are at.
    memory_kb: float
    broken: str

    def line(self) -> str:
        """As it is told while the benchmark runs."""
        said = (
            f"{self.readers} readers of {self.replies}: {self.reader_cpu_micros:.1f} µs a token, "
            f"behind by {self.delay_p50_ms:.0f} ms, p99 {self.delay_p99_ms:.0f} ms, {self.memory_kb:.0f} kB each"
        )
        return f"{said}; {self.broken}" if self.broken else said


@frozen
class Following:
    """So many replies in the making, and readers of them."""

    replies: int
    readers: int
    is_elsewhere: bool
    seconds: float

    @property
    def _window_begin(self) -> float:
        return _RAMP_SECONDS + _GATHER_SECONDS + self._readers_ramp + _SETTLE_SECONDS

    @property
    def _readers_ramp(self) -> float:
        return max(1.0, self.readers / 400)

    @property
    def _tokens(self) -> int:
        return round((self._window_begin + self.seconds + _SETTLE_SECONDS) / PERIOD_SECONDS)

    def measure(self, bench: Bench) -> FollowCost:
        """Starts everything afresh, and reads.

        Raises:
            BenchmarkError: something could not be started.
        """
        with ExitStack() as stack:
            source = stack.enter_context(running_source(self._tokens))
            service = Chatcore(bench.database_url, MANY_READERS)
            owner = stack.enter_context(service.running(source.port, bench.folder))
            place = owner
            if self.is_elsewhere:
                replica = Chatcore(bench.database_url, MANY_READERS, is_fresh=False)
                place = stack.enter_context(replica.running(source.port, bench.folder))
            made = conversations(owner.port, self.replies)
            callers = stack.enter_context(LoadClient(tools().load_client, self._callers(made, owner), bench.folder))
            pin(callers.pid, None)
            meter = watch(bench, subject=owner.pid, place=place.pid, source=source.pid, client=callers.pid)
            began = time.monotonic()
            with ThreadPoolExecutor(1) as thread:
                calling = thread.submit(callers.run, meter.look)
                reading, memory_kb = self._read(made, owner, place, bench, began)
                called = calling.result()
            return self._cost(called, reading, meter.used(), memory_kb)

    def _callers(self, made: Sequence[Conversation], owner: Running) -> Load:
        starts = (_RAMP_SECONDS * n / len(made) for n in range(len(made)))
        return self._load(
            [Asked(start, owner.port, one.turn(owner.port)) for start, one in zip(starts, made, strict=True)],
            self._window_begin,
        )

    def _load(self, streams: Sequence[Asked], window_begin: float) -> Load:
        return Load(
            streams=streams,
            tokens=self._tokens,
            window_begin_seconds=window_begin,
            window_seconds=self.seconds,
            patience_seconds=window_begin + self.seconds + _PATIENCE_SECONDS,
        )

    def _read(
        self, made: Sequence[Conversation], owner: Running, place: Running, bench: Bench, began: float
    ) -> tuple[Heard, float]:
        if not self.readers:
            return Heard(broken_streams=0, problem="", busy_share=0.0, timings=Timings()), 0.0
        time.sleep(max(0.0, began + _RAMP_SECONDS + _GATHER_SECONDS / 2 - time.monotonic()))
        requests = self._reader_requests(made, owner, place)
        load = self._load(
            [Asked(self._readers_ramp * n / self.readers, place.port, each) for n, each in enumerate(requests)],
            began + self._window_begin - time.monotonic(),
        )
        memory_kb = [memory_of_family_kb(place.pid)]
        with LoadClient(tools().load_client, load, bench.folder) as client:
            pin(client.pid, None)
            heard = client.run(lambda: memory_kb.append(memory_of_family_kb(place.pid)))
        return heard, memory_kb[-1] - memory_kb[0]

    def _reader_requests(self, made: Sequence[Conversation], owner: Running, place: Running) -> Sequence[str]:
        connection = http.client.HTTPConnection("127.0.0.1", owner.port)
        replies = [(one, one.newest_reply(connection)) for one in made]
        connection.close()
        return [one.reader(place.port, id_) for one, id_ in (replies[n % len(replies)] for n in range(self.readers))]

    def _cost(self, called: Heard, read: Heard, used: Used, memory_kb: float) -> FollowCost:
        called_tokens = max(len(called.timings.tokens), 1)
        seen = read.timings.tokens
        broken = [heard.problem for heard in (called, read) if heard.broken_streams]
        return FollowCost(
            replies=self.replies,
            readers=self.readers,
            owner_cpu_micros=used.cpu["subject"] * _MICROS / called_tokens,
            reader_cpu_micros=used.cpu["place"] * _MICROS / len(seen) if seen else 0.0,
            database_cpu_micros=used.cpu["database"] * _MICROS / called_tokens,
            delay_p50_ms=quantile(seen, 0.5) / 1000,
            delay_p99_ms=quantile(seen, 0.99) / 1000,
            memory_kb=memory_kb / self.readers if self.readers else 0.0,
            broken=f"{called.broken_streams + read.broken_streams} streams were not whole: {broken[0]}"
            if broken
            else "",
        )


def elsewhere(bench: Bench, seconds: float) -> tuple[FollowCost, FollowCost]:
    """A hundred replies that nobody else reads, and then with a reader of each on another replica.

    Raises:
        BenchmarkError: something could not be started.
    """
    alone = Following(100, 0, is_elsewhere=True, seconds=seconds).measure(bench)
    return alone, Following(100, 100, is_elsewhere=True, seconds=seconds).measure(bench)


def thousand(bench: Bench, seconds: float) -> FollowCost:
    """One reply with a thousand readers, at the process that makes it.

    Raises:
        BenchmarkError: something could not be started.
    """
    return Following(1, MOST_READERS, is_elsewhere=False, seconds=seconds).measure(bench)
