"""The connections of a process leave file descriptors for everything else."""

import pytest
from attrs import evolve
from tests.unit.entrypoints.chatcore_service.http_service import SETTINGS

from chatcore_service.server.connection_limit import MAX_EXTRA
from chatcore_service.server.descriptors import connections_within


@pytest.mark.parametrize("descriptors", [512, 1024, 20_000, 1_048_576])
@pytest.mark.parametrize("pool", [2, 16, 200])
def test_connections_replies_probes_and_the_database_fit_together(descriptors: int, pool: int) -> None:
    connections = connections_within(descriptors, evolve(SETTINGS, database_pool_max_size=pool))

    with_replies = 2 * connections
    assert with_replies + MAX_EXTRA + pool + 100 <= descriptors
    # More than a third of the descriptors is for callers, unless there are few.
    assert connections > descriptors // 3 or descriptors < 20_000


def test_a_tiny_limit_still_allows_some_connections() -> None:
    assert connections_within(64, SETTINGS) == 16
