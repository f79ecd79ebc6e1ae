"""The growth part asks for what it says it does, and finds what it has stored."""

from pathlib import Path

import psycopg
import pytest
from benchmarks import growth
from benchmarks.stored_users import StoredUser
from benchmarks.streams import bench


def test_every_kind_of_request_is_measured_for_every_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    # The database's own account has to get through to its data.
    folder = Path(tmp_path_factory.mktemp("growth"))
    with bench(folder) as made:
        costs = growth.measure(made, (10, 300))
        with psycopg.connect(made.database_url) as connection:
            rows = connection.execute("select user_id, count(*) from conversations group by 1").fetchall()
    assert {(cost.kind, cost.conversations) for cost in costs} == {
        (kind, size)
        for size in (10, 300)
        for kind in (
            "list, first page",
            "list, from the middle by cursor",
            "list, from the middle by offset",
            "open",
            "create",
            "begin a turn",
        )
    }
    assert all(min(cost.database_ms, cost.request_ms) > 0 for cost in costs)
    # Each was made as many conversations as the other, so that what they cost can be compared.
    stored: dict[str, int] = dict(rows)
    few, many = (stored[StoredUser(size).name] - size for size in (10, 300))
    assert few == many > 0
