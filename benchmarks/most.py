"""The most streams that one process holds, all tokens there and 99 of 100 relayed in less than 100 ms."""

from collections.abc import Callable

from attrs import define, field, frozen
from benchmarks.measurement import Measurement
from benchmarks.subjects import Subject
from benchmarks.trial import Bench, Trial

#: To begin with; doubled until they are too many.
START_STREAMS = 1000
#: How exactly the most is found.
STEP_STREAMS = 100
#: Where the doubling ends.
CEILING_STREAMS = 6400
_SECONDS = 4.0


@frozen(kw_only=True)
class Most:
    """What was found for one subject."""

    subject: str
    streams: int
    #: As much as it had then.
    cpu_micros: float
    latency_p99_ms: float
    #: Why the next step did not hold; empty where nothing was too much.
    why_not_more: str
    #: Whether that says more of the tools than of the subject: then the most is at least so many.
    is_limit_of_tools: bool


def most_held(holds: Callable[[int], bool], *, start: int, ceiling: int, step: int) -> int:
    """The most that holds, found by doubling and then by halves; 0 when not even one step does.

    Args:
        holds: whether so many do. What is more than some that do not is never asked.
        start: the first that is asked.
        ceiling: the last.
        step: how exactly it is found.
    """
    held, too_many = 0, ceiling + step
    asked = min(start, ceiling)
    while too_many - held > step:
        if holds(asked):
            held = asked
        else:
            too_many = asked
        asked = min(2 * held, ceiling) if too_many > ceiling else _between(held, too_many, step)
        if held == ceiling:
            break
    return held


def _between(held: int, too_many: int, step: int) -> int:
    """The middle in whole steps, or next to it where that would be one of the two."""
    return held + max((too_many - held) // 2 // step, 1) * step


@define
class Search:
    """Finds the most of one subject, by short trials."""

    #: Its name.
    _subject: str
    #: Of so many streams.
    _measure: Callable[[int], Measurement]
    _show: Callable[[str], None]
    _held: Measurement | None = None
    _refused: Measurement | None = None
    trials: list[Measurement] = field(factory=list)

    def run(self, ceiling: int) -> Most:
        """Finds it.

        Raises:
            BenchmarkError: a trial could not be done.
        """
        streams = most_held(self._holds, start=START_STREAMS, ceiling=ceiling, step=STEP_STREAMS)
        return Most(
            subject=self._subject,
            streams=streams,
            cpu_micros=self._held.cpu_micros if self._held else 0.0,
            latency_p99_ms=self._held.latency_p99_ms if self._held else 0.0,
            why_not_more=why_not_held(self._refused) if self._refused else "",
            is_limit_of_tools=bool(self._refused and self._refused.spoiled),
        )

    def _holds(self, streams: int) -> bool:
        measured = self._try(streams)
        # Other work on the machine shows as streams that do not hold.
        if not measured.is_held and (measured.disturbance or not measured.spoiled):
            measured = self._try(streams)
        if measured.is_held:
            self._held = measured
        else:
            self._refused = measured
        return measured.is_held

    def _try(self, streams: int) -> Measurement:
        measured = self._measure(streams)
        self.trials.append(measured)
        self._show(
            f"  {measured.subject:28}{streams:6} streams: {why_not_held(measured) or 'held'}{_figures(measured)}"
        )
        return measured


def search(subject: Subject, bench: Bench, show: Callable[[str], None]) -> Search:
    """A search by trials that are over with their window."""

    def measure(streams: int) -> Measurement:
        return Trial(streams, _SECONDS, is_to_the_end=False).measure(subject, bench)

    return Search(subject.name, measure, show)


def why_not_held(measured: Measurement) -> str:
    """Why a trial does not count as held; empty when it does."""
    if measured.is_held:
        return ""
    if measured.broken or measured.spoiled:
        return measured.broken or measured.spoiled
    share = measured.tokens / measured.expected_tokens
    return f"{share:.0%} of the tokens came, and {measured.share_in_time:.1%} of them in time"


def _figures(measured: Measurement) -> str:
    return (
        f" (p99 {measured.latency_p99_ms:.0f} ms, {measured.cpu_micros:.1f} µs a token, "
        f"late {measured.late_share:.1%}, tools idle {measured.tools_idle_share:.0%}, "
        f"stolen {measured.stolen_share:.0%}, others {measured.others_share:.0%})"
    )
