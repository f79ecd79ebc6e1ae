"""Tests the in-memory auth adapter against the contract."""

from datetime import UTC, datetime, timedelta

import pytest

from chatcore.errors import AuthUnavailableError, NotAuthenticatedError
from chatcore.testing import AuthContract, AuthFault
from chatcore.user import User
from chatcore_memory import FrozenClock, StaticAuth


class OutageScript(StaticAuth):
    """Simulates every fault as an outage, except that our own key is refused."""

    def fail(self, fault: AuthFault) -> None:
        self.is_key_refused = fault is AuthFault.KEY_REFUSED
        self.outage = not self.is_key_refused

    def recover(self) -> None:
        self.outage = self.is_key_refused = False


class TestStaticAuth(AuthContract):
    @pytest.fixture
    def clock(self) -> FrozenClock:
        return FrozenClock()

    @pytest.fixture
    def auth(self, clock: FrozenClock) -> OutageScript:
        return OutageScript(clock=clock)

    @pytest.fixture
    def auth_service(self, auth: OutageScript) -> OutageScript:
        return auth


async def test_the_constructor_accepts_users() -> None:
    auth = StaticAuth({"token": User(id="alice")})

    assert await auth.authenticate("token") == User(id="alice")


async def test_a_rejection_takes_effect_at_once() -> None:
    auth = StaticAuth({"token": User(id="alice")})
    await auth.authenticate("token")

    auth.reject("token")

    with pytest.raises(NotAuthenticatedError):
        await auth.authenticate("token")


async def test_during_an_outage_nobody_is_let_in_and_nothing_is_recorded() -> None:
    auth = StaticAuth({"token": User(id="alice")})

    auth.outage = True

    with pytest.raises(AuthUnavailableError):
        await auth.authenticate("token", trace_id="trace-1")
    assert auth.trace_ids == []


async def test_without_a_clock_tokens_expire_by_the_system_clock() -> None:
    now = datetime.now(UTC)
    auth = StaticAuth(
        {
            "ended": User(id="alice", expires_at=now - timedelta(hours=1)),
            "valid": User(id="bob", expires_at=now + timedelta(hours=1)),
        }
    )

    assert (await auth.authenticate("valid")).id == "bob"
    with pytest.raises(NotAuthenticatedError):
        await auth.authenticate("ended")
