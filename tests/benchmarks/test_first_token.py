"""What the first token takes at least is measured of turns that are stored, and of streams that are whole."""

from pathlib import Path

import psycopg
import pytest
from benchmarks.first_token import StoredRelay
from benchmarks.streams import bench
from benchmarks.trial import Trial

_STREAMS = 5


def test_the_least_stores_every_turn_and_relays_every_token(tmp_path_factory: pytest.TempPathFactory) -> None:
    # The database's own account has to get through to its data.
    folder = Path(tmp_path_factory.mktemp("first"))
    with bench(folder) as made:
        measured = Trial(_STREAMS, 0.5).measure(StoredRelay(made.database_url), made)
        with psycopg.connect(made.database_url) as connection:
            roles = connection.execute("select role, count(*) from messages group by 1").fetchall()
    assert measured.broken == ""
    assert dict(roles) == {"user": _STREAMS, "assistant": _STREAMS}
    assert measured.first_token_p50_ms > 0
