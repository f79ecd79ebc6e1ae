"""Everything that is measured of the service, beside the limit: a table, JSON and a picture.

    make bench                                      # about twenty-five minutes
    make bench BENCH="--only streams --rounds 1"    # a part; the results of others stay
    make bench BENCH=--publish                      # and docs/performance.md with it

Ends with status 1 when a token was wrong, missing, repeated or misplaced, or the tools were the bottleneck.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psycopg
from attrs import asdict, frozen
from benchmarks import at_rest, curve, first_token, growth, parts, plain_requests
from benchmarks.machine import most_files, most_streams, one_core_warning, require_files, require_linux
from benchmarks.meter import all_cores
from benchmarks.most import CEILING_STREAMS, STEP_STREAMS, search
from benchmarks.options import count, duration
from benchmarks.page import publish
from benchmarks.picture import panels, svg
from benchmarks.problem import BenchmarkError
from benchmarks.readers import MOST_READERS, elsewhere, thousand
from benchmarks.results_file import merge, read, require_place
from benchmarks.slow_readers import STALLED_READERS, STALLED_STREAMS, stalling
from benchmarks.streams import bench, complaints, measured, results, rounds
from benchmarks.subjects import HURRIED, NGINX, Chatcore, limit, subjects
from benchmarks.summary import notes, rows
from benchmarks.table import terminal_table
from benchmarks.tools import tools
from benchmarks.trial import Bench, Trial

from chatcore_dev.interruption import StopRequestedError
from chatcore_dev.local_stack_error import LocalStackError

_HERE = Path(__file__).parent
_REQUEST_SECONDS = 1.0
_CONNECTIONS = (1, 16)


@frozen(kw_only=True)
class Options:
    """What was asked for."""

    only: Sequence[str]
    streams: Sequence[int]
    seconds: float
    rounds: int
    output: Path
    is_published: bool


@frozen
class Part:
    """What one part came to: its results, and what was wrong."""

    results: Mapping[str, Any]
    complaints: Sequence[str] = ()


def measure_streams(options: Options, made: Bench) -> Part:
    """CPU a token, latencies, memory and first tokens."""
    done = {
        str(streams): rounds(
            Trial(streams, options.seconds), subjects(made.database_url), made, count=options.rounds, show=show
        )
        for streams in options.streams
    }
    before = read(options.output).get("streams", {})
    # Other loads keep what they came to, if it was beside the same limit.
    kept = before["rounds"] if before.get("limit") == limit().name else {}
    return Part(
        {"limit": limit().name, "rounds": {**kept, **{streams: results(turns) for streams, turns in done.items()}}},
        [said for turns in done.values() for said in complaints(turns)],
    )


def measure_most(_: Options, made: Bench) -> Part:
    """The most streams, of the limit and of the service."""
    ceiling = min(CEILING_STREAMS, most_streams(most_files()))
    show(f"\nThe most streams of 20 tokens/s, 99 % of tokens in under 100 ms; up to {ceiling:,}")
    searches = [search(subject, made, show) for subject in (limit(), Chatcore(made.database_url, HURRIED))]
    found = [asdict(each.run(ceiling)) for each in searches]
    # The last steps of a search are too many: some are refused, but no token may be wrong.
    broken = [trial.broken for each in searches for trial in each.trials if trial.broken and not trial.is_refused]
    return Part({"limit": limit().name, "found": found}, broken)


def measure_first(options: Options, made: Bench) -> Part:
    """The first token, beside the least that can store a turn before it."""
    done = first_token.measure(made, seconds=options.seconds, count=options.rounds, show=show)
    return Part({"rounds": {str(first_token.STREAMS): results(done)}}, complaints(done))


def measure_readers(options: Options, made: Bench) -> Part:
    """Readers on another replica, and a thousand of one reply."""
    show("\nReaders: of a hundred replies on another replica, and a thousand of one reply")
    afar, near = [], []
    for _ in range(options.rounds):
        afar.append(elsewhere(made, options.seconds))
        near.append((measured(Trial(1000, options.seconds), limit(), made), thousand(made, options.seconds)))
        show(f"  {afar[-1][1].line()}\n  {near[-1][1].line()}")
    broken = [cost.broken for turn in afar for cost in turn] + [m.broken for turn in near for m in turn]
    return Part(
        {
            "limit": limit().name,
            "elsewhere": [[asdict(cost) for cost in turn] for turn in afar],
            "thousand": [[asdict(cost) for cost in turn] for turn in near],
        },
        [said for said in broken if said],
    )


def measure_requests(options: Options, made: Bench) -> Part:
    """List, open and create, beside bare routes with the same statements."""
    show("\nRequests, beside bare routes that run the same statements")
    costs = plain_requests.measure(
        made.database_url, made.folder, connections=_CONNECTIONS, rounds=options.rounds, seconds=_REQUEST_SECONDS
    )
    return Part({"costs": [asdict(cost) for cost in costs]})


def measure_stalled(options: Options, made: Bench) -> Part:
    """Readers who read nothing, beside a hundred who do."""
    show("\nA hundred readers who read nothing, beside a hundred who do")
    costs = [stalling(made, options.seconds) for _ in range(options.rounds)]
    return Part({"rounds": [asdict(cost) for cost in costs]}, [cost.broken for cost in costs if cost.broken])


def measure_growth(options: Options, made: Bench) -> Part:
    """A user's conversations up to a million, and streams from a few to the most."""
    show("\nGrowth: users with 10 conversations to a million, and 10 streams to 1,700")
    costs = growth.measure(made)
    done = curve.measure(made, options.seconds, show)
    return Part(
        {
            "limit": limit().name,
            "costs": [asdict(cost) for cost in costs],
            "rounds": {str(streams): results(turns) for streams, turns in done.items()},
        },
        [said for turns in done.values() for said in complaints(turns)],
    )


def measure_rest(options: Options, made: Bench) -> Part:
    """A start, and what there is to be done when there is nothing to do."""
    show("\nAt rest")
    return Part({"rounds": [asdict(at_rest.measure(made, options.seconds)) for _ in range(options.rounds)]})


def measure_path(_: Options, __: Bench) -> Part:
    """The parts of a token's way through the service, by themselves."""
    show("\nThe parts of a token's way, by themselves")
    return Part({"nanos": parts.measure()})


PARTS: Mapping[str, Callable[[Options, Bench], Part]] = {
    "streams": measure_streams,
    "first": measure_first,
    "most": measure_most,
    "readers": measure_readers,
    "stalled": measure_stalled,
    "requests": measure_requests,
    "growth": measure_growth,
    "rest": measure_rest,
    "path": measure_path,
}


def _most_at_once(part: str, options: Options) -> int:
    """How many streams a part opens, or readers, if it is to come to anything."""
    fixed = {
        "first": first_token.STREAMS,
        "most": STEP_STREAMS,
        "readers": MOST_READERS,
        "stalled": STALLED_STREAMS + STALLED_READERS,
        "growth": max(curve.STREAMS),
    }
    return max(options.streams) if part == "streams" else fixed.get(part, 0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what is asked for; 0 when nothing was wrong."""
    options = _options(arguments)
    try:
        return _run(options)
    except (BenchmarkError, LocalStackError, plain_requests.WrongAnswerError) as error:
        print(error, file=sys.stderr)
    except (StopRequestedError, KeyboardInterrupt):
        print("Stopped; the parts that were done are kept.", file=sys.stderr)
    except (OSError, HTTPException, psycopg.Error) as error:
        print(f"A part broke off, and has no results: {type(error).__name__}: {error}", file=sys.stderr)
    return 1


def _run(options: Options) -> int:
    require_linux()
    require_files(max((_most_at_once(part, options) for part in options.only), default=0), most_files())
    require_place(options.output)
    if options.only:
        tools()
    for warning in _warnings():
        show(warning)
    wrong: list[str] = []
    for name in options.only:
        # A database for each part, so that no part meets what another has left.
        with tempfile.TemporaryDirectory(prefix="chatcore-bench-") as folder, bench(Path(folder)) as made:
            part = PARTS[name](options, made)
        merge(options.output, name, part.results)
        wrong += part.complaints
    _report(options)
    for said in wrong:
        print(f"Wrong: {said}.", file=sys.stderr)
    return 1 if wrong else 0


def _warnings() -> Sequence[str]:
    no_nginx = "" if limit().name == NGINX else _NO_NGINX
    return [warning for warning in (no_nginx, one_core_warning(len(all_cores()))) if warning]


_NO_NGINX = "nginx is not installed: figures are in relation to a relay in Python that only passes bytes through."


def _report(options: Options) -> None:
    document = read(options.output)
    picture = options.output.with_suffix(".svg")
    picture.write_text(svg(panels(document)))
    show(f"\n{terminal_table(rows(document))}\n\n{' '.join(notes(document))}")
    show(f"Results: {options.output}; picture: {picture}")
    if options.is_published:
        publish(document, _HERE.parent / "docs")


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="benchmarks", description="What the service costs, beside the limit.")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="parts to measure; none only reports (default: all)")
    parser.add_argument("--streams", type=count, nargs="+", default=[100, 1000], help="at once (default: 100 1000)")
    parser.add_argument("--seconds", type=duration, default=5.0, help="of each measurement (default: 5)")
    parser.add_argument("--rounds", type=count, default=3, help="in which all take turns (default: 3)")
    parser.add_argument("--output", type=Path, default=_HERE / "results" / "latest.json", help="where results go")
    parser.add_argument("--publish", action="store_true", help="renew docs/performance.md, .svg and .json with them")
    given = parser.parse_args(arguments)
    return Options(
        only=list(PARTS) if given.only is None else given.only,
        streams=given.streams,
        seconds=given.seconds,
        rounds=given.rounds,
        output=given.output,
        is_published=given.publish,
    )


def show(line: str) -> None:
    """Says at once how far it is."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
