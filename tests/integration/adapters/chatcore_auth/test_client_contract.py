"""Tests the auth client against the port's contract, over real sockets."""

from collections.abc import AsyncIterator

import pytest
from tests.integration.adapters.chatcore_auth.auth_server import ScriptedAuthServer, serving

from chatcore.testing import AuthContract
from chatcore_auth import AuthClient
from chatcore_memory import FrozenClock


class TestAuthClient(AuthContract):
    @pytest.fixture
    def clock(self) -> FrozenClock:
        return FrozenClock()

    @pytest.fixture
    def auth_service(self) -> ScriptedAuthServer:
        return ScriptedAuthServer()

    @pytest.fixture
    async def auth(self, auth_service: ScriptedAuthServer, clock: FrozenClock) -> AsyncIterator[AuthClient]:
        async with (
            serving(auth_service.handle) as url,
            AuthClient(url, "key", clock, timeout_seconds=1) as client,
        ):
            yield client
