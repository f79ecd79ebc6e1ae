"""Measures the cost of the service, beside the least possible cost.

    make bench                                      # everything
    make bench BENCH="--only streams --rounds 1"    # one part; the results of other parts stay
    make bench BENCH="--beside ../before"           # the service of another checkout as a further subject
    make bench BENCH=--publish                      # also renews docs/performance.md

The exit status is 1 when a measurement is not valid, because a token was wrong, missing, repeated or misplaced, an
answer was not the expected one, or the tools or other programs were the bottleneck.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from subprocess import CalledProcessError

import psycopg
from benchmarks.at_rest import measure_rest
from benchmarks.benchmark_error import BenchmarkError
from benchmarks.database import Bench, running_bench
from benchmarks.figures import notes, rows, table
from benchmarks.growth import measure_growth
from benchmarks.machine import CORES, raise_file_limit
from benchmarks.most import measure_most
from benchmarks.options import Options, parse
from benchmarks.page import publish
from benchmarks.picture import panels, svg
from benchmarks.plain_requests import measure_requests
from benchmarks.results import Results, merge, problems, read, valid
from benchmarks.slow_readers import measure_stalled
from benchmarks.streams import measure_first_token, measure_protocols, measure_streams

PARTS: Mapping[str, Callable[[Options, Bench], Results]] = {
    "streams": measure_streams,
    "first": measure_first_token,
    "protocols": measure_protocols,
    "most": measure_most,
    "stalled": measure_stalled,
    "requests": measure_requests,
    "growth": measure_growth,
    "rest": measure_rest,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures the requested parts, and returns the exit status."""
    options = parse(arguments, list(PARTS))
    try:
        return _run(options)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        print("Stopped; the results of completed parts are kept.", file=sys.stderr)
    except (OSError, HTTPException, CalledProcessError, psycopg.Error) as error:
        print(f"A part failed, and has no results: {type(error).__name__}: {error}", file=sys.stderr)
    return 1


def _run(options: Options) -> int:
    options.output.parent.mkdir(parents=True, exist_ok=True)
    read(options.output)
    raise_file_limit()
    if len(CORES) == 1:
        print("All programs share one core here: CPU times are valid, latencies and the most streams are not.")
    invalid: list[str] = []
    for name in options.only:
        print(f"Measuring: {name}", flush=True)
        # Each part has its own database server, so that no part finds the data of another part.
        with tempfile.TemporaryDirectory(prefix="chatcore-bench-") as folder, running_bench(Path(folder)) as bench:
            part = PARTS[name](options, bench)
        merge(options.output, name, part)
        invalid += [f"Not valid: {name}, {problem}." for problem in problems(part)]
    document = read(options.output)
    options.output.with_suffix(".svg").write_text(svg(panels(valid(document))))
    # The terminal also shows measurements that are not valid, and reports them below.
    print(f"\n{table(rows(document))}\n\n{' '.join(notes(document))}\nResults: {options.output}", flush=True)
    if options.is_published:
        publish(document, Path(__file__).parents[1] / "docs")
    print(*dict.fromkeys(invalid), sep="\n", end="\n" if invalid else "", file=sys.stderr)
    return 1 if invalid else 0


if __name__ == "__main__":
    sys.exit(main())
