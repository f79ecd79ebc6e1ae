"""Fixtures of old services."""

from collections.abc import Iterator

import pytest
from tests.integration.adapters.chatcore_postgres.samosachaat.old_service import CARELESS, OldService, old_service


@pytest.fixture
def old(database_url: str) -> Iterator[OldService]:
    with old_service(database_url) as service:
        yield service


@pytest.fixture
def careless(database_url: str) -> Iterator[OldService]:
    with old_service(database_url, tables=CARELESS, users=()) as service:
        yield service
