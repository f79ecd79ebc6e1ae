"""Tests the composition of cache, single flight and circuit breaker over a validator other than the auth service."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog
from attrs import Factory, define
from tests.unit.adapters.chatcore_auth.scripted_auth_service import HandSetClock

from chatcore.errors import AuthKeyRefusedError, AuthUnavailableError, NotAuthenticatedError
from chatcore.user import User
from chatcore_auth import CachedAuth, GuardedValidator, Rejected, TokenCheck, Unusable, Validator, Vouched

ALICE = User(id="alice")
VOUCHED, OUTAGE = Vouched(ALICE), Unusable("down", is_outage=True)


@define
class TinyValidator(Validator):
    """Answers every token with `answer`, once it is allowed to, and records the tokens."""

    name: str = "the tiny validator"
    answer: TokenCheck = VOUCHED
    tokens: list[str] = Factory(list)
    may_answer: asyncio.Event = Factory(asyncio.Event)
    is_closed: bool = False

    async def validate(self, token: str, trace_id: str | None) -> TokenCheck:
        assert trace_id is None
        self.tokens.append(token)
        await self.may_answer.wait()
        return self.answer

    async def probe(self) -> Unusable | None:
        return self.answer if isinstance(self.answer, Unusable) else None

    async def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def clock() -> HandSetClock:
    return HandSetClock()


@pytest.fixture
def validator() -> TinyValidator:
    validator = TinyValidator()
    validator.may_answer.set()
    return validator


@pytest.fixture
async def auth(validator: TinyValidator, clock: HandSetClock) -> AsyncIterator[CachedAuth]:
    async with CachedAuth(GuardedValidator(validator, clock, deadline_seconds=5), clock) as opened:
        yield opened


async def test_a_cached_user_is_not_validated_again(auth: CachedAuth, validator: TinyValidator) -> None:
    users = [await auth.authenticate("token") for _ in range(3)]

    assert users == [ALICE] * 3
    assert validator.tokens == ["token"]


async def test_a_validated_user_is_cached(auth: CachedAuth) -> None:
    await auth.authenticate("token")

    assert auth.cached_user("token") == ALICE
    assert auth.cached_user("another") is None


async def test_concurrent_requests_share_one_validation(auth: CachedAuth, validator: TinyValidator) -> None:
    validator.may_answer.clear()
    requests = [asyncio.create_task(auth.authenticate("token")) for _ in range(10)]
    await asyncio.sleep(0)
    validator.may_answer.set()

    assert await asyncio.gather(*requests) == [ALICE] * 10
    assert validator.tokens == ["token"]


async def test_a_rejection_is_cached_for_ten_seconds(
    auth: CachedAuth, validator: TinyValidator, clock: HandSetClock
) -> None:
    validator.answer = Rejected()
    for _ in range(12):
        with pytest.raises(NotAuthenticatedError):
            await auth.authenticate("token")
        clock.advance(1)

    assert validator.tokens == ["token"] * 2


async def test_repeated_outages_open_the_breaker_until_a_probe_succeeds(
    auth: CachedAuth, validator: TinyValidator, clock: HandSetClock
) -> None:
    validator.answer = OUTAGE
    for number in range(7):
        with pytest.raises(AuthUnavailableError):
            await auth.authenticate(f"token {number}")
    assert len(validator.tokens) == 5

    validator.answer = VOUCHED
    clock.advance(2)

    assert await auth.authenticate("probe") == ALICE


async def test_the_log_names_the_validator(auth: CachedAuth, validator: TinyValidator) -> None:
    validator.answer = OUTAGE
    with structlog.testing.capture_logs() as lines:
        for number in range(6):
            with pytest.raises(AuthUnavailableError):
                await auth.authenticate(f"token {number}")

    assert {line["event"] for line in lines} == {
        "the tiny validator gave no usable answer",
        "the tiny validator keeps failing; new tokens are refused for a while",
    }


async def test_ping_asks_the_validator(auth: CachedAuth, validator: TinyValidator) -> None:
    await auth.ping()
    validator.answer = OUTAGE

    with pytest.raises(AuthUnavailableError):
        await auth.ping()


async def test_ping_says_that_our_own_key_is_refused(auth: CachedAuth, validator: TinyValidator) -> None:
    validator.answer = Unusable("refused", is_our_fault=True)

    with pytest.raises(AuthKeyRefusedError):
        await auth.ping()


async def test_a_fresh_answer_is_asked_for_although_one_is_cached_and_replaces_it(
    auth: CachedAuth, validator: TinyValidator
) -> None:
    await auth.authenticate("token")
    validator.answer = Vouched(User(id="alice", is_admin=True))

    assert await auth.authenticate("token") == ALICE
    assert (await auth.authenticate("token", is_fresh=True)).is_admin
    assert (await auth.authenticate("token")).is_admin
    assert validator.tokens == ["token"] * 2


async def test_without_a_fresh_answer_the_cached_one_does_not_count_for_the_call_that_needs_it(
    auth: CachedAuth, validator: TinyValidator
) -> None:
    await auth.authenticate("token")
    validator.answer = OUTAGE

    with pytest.raises(AuthUnavailableError):
        await auth.authenticate("token", is_fresh=True)
    assert await auth.authenticate("token") == ALICE


async def test_closing_closes_the_validator(auth: CachedAuth, validator: TinyValidator) -> None:
    await auth.close()

    assert validator.is_closed
