"""What the tests of faults start from."""

import os
from collections.abc import Iterator

import pytest

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.pgbouncer import find_pgbouncer
from tests.integration.missing_programs import leave_out, say_what_was_left_out


@pytest.fixture(scope="session")
def crash_server() -> Iterator[EmbeddedPostgres]:
    """A server of these tests' own: they kill it, so it must keep what it acknowledged and be nobody else's."""
    with EmbeddedPostgres() as server:
        yield server


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "pgbouncer: needs PgBouncer, which CI must have")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, aloud, what needs a program that this machine does not have; in CI it has to be there."""
    if find_pgbouncer() is None and not os.environ.get("CI"):
        leave_out(config, items, marker="pgbouncer")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out."""
    say_what_was_left_out(terminalreporter, config, marker="pgbouncer")
