"""What the tests of faults start from."""

import os
from collections.abc import Iterator

import pytest

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.pgbouncer import find_pgbouncer

_LEFT_OUT = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def crash_server() -> Iterator[EmbeddedPostgres]:
    """A server of these tests' own: they kill it, so it must keep what it acknowledged and be nobody else's."""
    with EmbeddedPostgres() as server:
        yield server


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "pgbouncer: needs PgBouncer, which CI must have")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, aloud, what needs a program that this machine does not have; in CI it has to be there."""
    if find_pgbouncer() is not None or os.environ.get("CI"):
        return
    without = [item for item in items if item.get_closest_marker("pgbouncer")]
    config.stash[_LEFT_OUT] = len(without)
    config.hook.pytest_deselected(items=without)
    items[:] = [item for item in items if item not in without]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out."""
    left_out = config.stash.get(_LEFT_OUT, 0)
    if left_out:
        terminalreporter.write_line(f"PgBouncer is not installed: {left_out} tests behind it were left out.")
