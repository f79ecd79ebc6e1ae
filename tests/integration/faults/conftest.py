"""What the tests of faults start from."""

import os
from collections.abc import Iterator

import pytest

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.pgbouncer import find_pgbouncer
from tests.integration.missing_programs import leave_out


@pytest.fixture(scope="session")
def crash_server() -> Iterator[EmbeddedPostgres]:
    """Provides a server for these tests alone, which kill it. It keeps what it has acknowledged."""
    with EmbeddedPostgres() as server:
        yield server


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "pgbouncer: needs PgBouncer, which CI must have")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out tests that need a program which this machine does not have, except in CI, and reports them."""
    if find_pgbouncer() is None and not os.environ.get("CI"):
        leave_out(config, items, marker="pgbouncer")
