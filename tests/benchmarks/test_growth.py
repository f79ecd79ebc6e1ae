"""The growth part measures every kind of request for every user."""

import tempfile
from pathlib import Path

from benchmarks.database import running_bench
from benchmarks.growth import measure_growth
from benchmarks.options import parse

SIZES = (10, 300)
KINDS = (
    "list, first page",
    "list, from the middle by cursor",
    "list, from the middle by offset",
    "open",
    "search for a frequent word",
    "search for a rare word",
    "search for the beginning of a word",
    "create",
    "begin a turn",
)


def test_every_kind_of_request_is_measured_for_every_user() -> None:
    # The database's own account has no access to pytest's folders.
    with tempfile.TemporaryDirectory() as name, running_bench(Path(name)) as bench:
        costs = measure_growth(parse([], []), bench, SIZES)["costs"]
    assert [(cost["kind"], cost["conversations"]) for cost in costs] == [
        (kind, size) for kind in KINDS for size in SIZES
    ]
    assert all(cost["request_ms"] > 0 for cost in costs)
