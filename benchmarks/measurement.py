"""What one trial of one subject came to."""

from collections.abc import Sequence

from attrs import frozen
from benchmarks.load_client import Heard, quantile
from benchmarks.meter import Used
from benchmarks.token_source import PERIOD_SECONDS, share_later_than

#: Below this, a relayed token is in time; so many have to be.
IN_TIME_MS, SHARE_IN_TIME = 100, 0.99
#: A source that is so late with more than such a share of tokens is what was measured, and not the subject.
_LATE_MS, _LATE_SHARE = 20, 0.01
#: A client that has always something to do reads tokens later than they come.
_BUSY_SHARE = 0.97
#: Tokens that a window must have of those that are due in it.
_THROUGHPUT = 0.97
# The kernel's own work, which is nobody's, is among what others took.
_DISTURBANCE = 0.3
_MICROS = 1_000_000

# As the load client says it.
_REFUSAL = ": a refusal after 0 tokens: "


@frozen(kw_only=True)
class Measurement:
    """What one trial came to. CPU is in microseconds a token that arrived in the window."""

    subject: str
    streams: int
    tokens: int
    expected_tokens: int
    cpu_micros: float
    source_cpu_micros: float
    client_cpu_micros: float
    database_cpu_micros: float
    memory_kb_per_stream: float
    latency_p50_ms: float
    latency_p99_ms: float
    share_in_time: float
    first_token_p50_ms: float
    first_token_p99_ms: float
    #: Of the tokens: those that the source made too late.
    late_share: float
    #: Of the window: when the client was busy, or was kept from running.
    client_busy_share: float
    #: Of one core: how idle those of the tools were, how much the machine beneath took from all, and other programs.
    tools_idle_share: float
    stolen_share: float
    others_share: float
    #: What was wrong with what came; empty when every token was there, once, in order.
    broken: str
    #: Why it says more of the tools than of the subject; empty when it does not.
    spoiled: str

    @property
    def disturbance(self) -> float:
        """How much of a core was taken by what has no part in this; nothing where that can be no matter."""
        taken = self.stolen_share + self.others_share
        return taken if taken > _DISTURBANCE else 0.0

    @property
    def is_refused(self) -> bool:
        """Whether the subject turned streams away before their first token, as it may when they are too many."""
        return _REFUSAL in self.broken

    @property
    def is_held(self) -> bool:
        """Whether the subject kept up: nothing broken, all tokens, and 99 of 100 in time."""
        has_all = self.tokens >= self.expected_tokens * _THROUGHPUT
        return not self.broken and has_all and self.share_in_time >= SHARE_IN_TIME


def measurement(
    subject: str, streams: int, heard: Heard, used: Used, *, late: Sequence[tuple[int, int]], memory_kb: float
) -> Measurement:
    """What a trial came to.

    Args:
        subject: its name.
        streams: how many there were.
        heard: by the load client.
        used: by the families `subject`, `source`, `client` and `database`, and the cores `tools` and `all`.
        late: by how many milliseconds how many tokens were made late.
        memory_kb: that the streams took.
    """
    timings = heard.timings
    tokens = len(timings.tokens)
    late_share = share_later_than(late, _LATE_MS)
    micros = {name: seconds * _MICROS / max(tokens, 1) for name, seconds in used.cpu.items()}
    return Measurement(
        subject=subject,
        streams=streams,
        tokens=tokens,
        expected_tokens=round(streams / PERIOD_SECONDS * used.seconds),
        cpu_micros=micros["subject"],
        source_cpu_micros=micros["source"],
        client_cpu_micros=micros["client"],
        database_cpu_micros=micros["database"],
        memory_kb_per_stream=memory_kb / streams,
        latency_p50_ms=quantile(timings.tokens, 0.5) / 1000,
        latency_p99_ms=quantile(timings.tokens, 0.99) / 1000,
        share_in_time=sum(micros < IN_TIME_MS * 1000 for micros in timings.tokens) / max(tokens, 1),
        first_token_p50_ms=quantile(timings.first_tokens, 0.5) / 1000,
        first_token_p99_ms=quantile(timings.first_tokens, 0.99) / 1000,
        late_share=late_share,
        client_busy_share=heard.busy_share,
        tools_idle_share=used.cores["tools"].idle,
        stolen_share=used.cores["all"].stolen,
        others_share=_others_share(used),
        broken=f"{heard.broken_streams} streams were not whole: {heard.problem}" if heard.broken_streams else "",
        spoiled=_spoiled(late_share, heard.busy_share),
    )


def _spoiled(late_share: float, busy_share: float) -> str:
    if late_share > _LATE_SHARE:
        return f"the token source was the bottleneck: it made {late_share:.0%} of the tokens over {_LATE_MS} ms late"
    if busy_share > _BUSY_SHARE:
        return f"the load client was the bottleneck: it was busy for {busy_share:.0%} of the time"
    return ""


def _others_share(used: Used) -> float:
    cores = used.cores["all"]
    return max(0.0, cores.cores - cores.idle - cores.stolen - sum(used.cpu.values()) / used.seconds)
