"""The least that a first token costs is measured with turns that are stored and streams that are complete."""

import tempfile
from pathlib import Path

from benchmarks.database import running_bench
from benchmarks.subjects import StoredRelay
from benchmarks.trial import Trial


def test_the_least_stores_every_turn_and_relays_every_token() -> None:
    # The database's own account has no access to pytest's folders.
    with tempfile.TemporaryDirectory() as name, running_bench(Path(name)) as bench:
        measured = Trial(5, 0.5).measure(StoredRelay(), bench)
    assert measured.broken == ""
    assert measured.first_token_p50_ms > 0
