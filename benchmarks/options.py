"""Reads the options of the command line."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen


@frozen(kw_only=True)
class Options:
    """The options of a run."""

    only: Sequence[str]
    streams: Sequence[int]
    seconds: float
    rounds: int
    #: Another checkout, whose service is also measured.
    beside: Path | None
    output: Path
    is_published: bool


def parse(arguments: Sequence[str] | None, parts: Sequence[str]) -> Options:
    """Returns the options, or ends the process with a message about a wrong option."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="What the service costs, beside the least.")
    parser.add_argument("--only", nargs="*", choices=parts, default=parts, help="parts to measure, or none to report")
    parser.add_argument("--streams", type=int, nargs="+", default=[100, 1000], help="open streams (default: 100 1000)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a measurement (default: 5)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each subject (default: 3)")
    parser.add_argument("--beside", type=Path, help="another checkout whose service is measured too")
    parser.add_argument("--output", type=Path, help="file of the results (default: benchmarks/results/latest.json)")
    parser.add_argument("--publish", action="store_true", dest="is_published", help="update docs/performance.*")
    given = parser.parse_args(arguments)
    if sys.platform != "linux":
        parser.error("the benchmark needs Linux, for /proc and epoll")
    if given.beside and given.is_published:
        parser.error("--publish and --beside exclude each other: the page is about this checkout")
    if given.rounds < 1 or min(given.streams) < 1 or not 0 < given.seconds < float("inf"):
        parser.error("--rounds, --streams and --seconds have to be positive")
    default = Path(__file__).parent / "results" / ("beside.json" if given.beside else "latest.json")
    given.output = given.output or default
    return Options(**vars(given))
