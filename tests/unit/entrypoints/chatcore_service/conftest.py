"""Provides a running service on adapters in memory."""

from collections.abc import AsyncIterator

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import HttpService, running_service


@pytest.fixture
async def service() -> AsyncIterator[HttpService]:
    async with running_service() as service:
        yield service
