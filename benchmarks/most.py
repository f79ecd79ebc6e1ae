"""Finds the most streams that one process holds: all tokens arrive, and 99 of 100 in less than 100 ms."""

from collections.abc import Callable, Mapping
from functools import partial

from benchmarks.database import Bench
from benchmarks.machine import raise_file_limit
from benchmarks.options import Options
from benchmarks.results import Results
from benchmarks.subjects import Nginx, Subject, services
from benchmarks.trial import MOST_TAKEN, Measurement, Trial

START_STREAMS, STEP_STREAMS, CEILING_STREAMS = 1000, 100, 6400
_SECONDS = 4.0
# The load client reports a stream that the subject did not begin with these words.
_REFUSAL = ": a refusal after 0 tokens: "
# A relay needs two files for each stream, and some more files for itself.
_FILES_PER_STREAM, _FILES_BESIDE_STREAMS = 2, 100


def measure_most(options: Options, bench: Bench) -> Results:
    """Finds the most streams of the limit and of the service."""
    ceiling = min(CEILING_STREAMS, (raise_file_limit() - _FILES_BESIDE_STREAMS) // _FILES_PER_STREAM)
    # The streams end with the window, so the service need not wait for its replies.
    subjects: list[Subject] = [Nginx(), *services(options.beside, DRAIN_SECONDS="1")]

    def measure(streams: int, subject: Subject) -> Measurement:
        measured = Trial(streams, _SECONDS, is_to_the_end=False).measure(subject, bench)
        print(f"  {streams:5} streams, {subject.name:32} {_why_not_held(measured) or 'held'}", flush=True)
        return measured

    found = [{"subject": each.name, **search(partial(measure, subject=each), ceiling)} for each in subjects]
    return {"found": found}


def search(measure: Callable[[int], Measurement], ceiling: int) -> Mapping[str, object]:
    """Finds the most streams by short trials, and repeats a failed trial unless the tools were the reason."""
    trials: list[Measurement] = []

    def holds(streams: int) -> bool:
        trials.append(measure(streams))
        if _why_not_held(trials[-1]) and (trials[-1].taken_share > MOST_TAKEN or not trials[-1].spoiled):
            trials.append(measure(streams))
        return not _why_not_held(trials[-1])

    streams = most_held(holds, start=START_STREAMS, ceiling=ceiling, step=STEP_STREAMS)
    too_many = [trial for trial in trials if trial.streams > streams]
    return {
        "streams": streams,
        "why_not_more": _why_not_held(too_many[-1]) if too_many else "",
        # If the tools failed, the subject may hold more streams.
        "is_limit_of_tools": bool(too_many and too_many[-1].spoiled),
        # A service may refuse too many streams, but may not send a wrong token.
        "broken": next((trial.broken for trial in trials if trial.broken and _REFUSAL not in trial.broken), ""),
    }


def most_held(holds: Callable[[int], bool], *, start: int, ceiling: int, step: int) -> int:
    """Finds the largest number that holds, by doubling and then by bisection; 0 if not even one step holds."""
    held, too_many = 0, ceiling + step
    asked = min(start, ceiling)
    while too_many - held > step and held < ceiling:
        if holds(asked):
            held = asked
        else:
            too_many = asked
        middle = held + max((too_many - held) // 2 // step, 1) * step
        asked = min(2 * held, ceiling) if too_many > ceiling else middle
    return held


def _why_not_held(measured: Measurement) -> str:
    """Returns the reason why the subject did not hold the streams; empty if it did, even if the tools failed."""
    return measured.broken or (measured.behind and (measured.spoiled or measured.behind))
