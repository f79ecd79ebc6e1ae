"""What the tests of faults start from."""

from collections.abc import Iterator

import pytest

from tests.integration.embedded_postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def crash_server() -> Iterator[EmbeddedPostgres]:
    """A server of these tests' own: they kill it, so it must keep what it acknowledged and be nobody else's."""
    with EmbeddedPostgres() as server:
        yield server
