"""Tests the auth client against an auth service in the same process."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.adapters.chatcore_auth.scripted_auth_service import (
    HandSetClock,
    ScriptedAuthService,
    rejecting,
    vouching_for,
)
from tests.unit.virtual_time import in_virtual_time

from chatcore.errors import AuthUnavailableError, NotAuthenticatedError
from chatcore_auth import AuthClient


@pytest.fixture
def clock() -> HandSetClock:
    return HandSetClock()


@pytest.fixture
def service() -> ScriptedAuthService:
    return ScriptedAuthService()


@pytest.fixture
async def client(clock: HandSetClock, service: ScriptedAuthService) -> AsyncIterator[AuthClient]:
    async with AuthClient("http://auth", "key", clock, transport=service.transport) as opened:
        yield opened


async def test_a_cached_user_is_not_validated_again(client: AuthClient, service: ScriptedAuthService) -> None:
    users = [await client.authenticate("token") for _ in range(10)]

    assert {user.id for user in users} == {"user of token"}
    assert service.asked == ["token"]


async def test_500_concurrent_first_requests_cause_one_call(client: AuthClient, service: ScriptedAuthService) -> None:
    service.may_answer.clear()
    requests = [asyncio.create_task(client.authenticate("token")) for _ in range(500)]
    await service.until_asked(1)

    service.may_answer.set()

    assert {user.id for user in await asyncio.gather(*requests)} == {"user of token"}
    assert service.asked == ["token"]


async def test_cancelling_the_first_caller_does_not_affect_the_others(
    client: AuthClient, service: ScriptedAuthService
) -> None:
    service.may_answer.clear()
    first = asyncio.create_task(client.authenticate("token"))
    await service.until_asked(1)
    second = asyncio.create_task(client.authenticate("token"))
    await asyncio.sleep(0)

    first.cancel()
    await asyncio.sleep(0)
    service.may_answer.set()

    assert (await second).id == "user of token"
    assert service.asked == ["token"]


async def test_a_token_with_ten_seconds_left_is_cached_for_ten_seconds_and_refused_a_minute_later(
    client: AuthClient, clock: HandSetClock, service: ScriptedAuthService
) -> None:
    expiry = clock.now().timestamp() + 10
    # This auth service's clock is slow, so it continues to accept the token.
    service.answer = lambda _: vouching_for("u", exp=expiry)
    await client.authenticate("token")

    clock.advance(9.999)
    await client.authenticate("token")
    assert len(service.asked) == 1
    clock.advance(0.002)
    await client.authenticate("token")
    assert len(service.asked) == 2
    clock.advance(60)

    with pytest.raises(NotAuthenticatedError):
        await client.authenticate("token")


@pytest.mark.parametrize("seconds_off", [-59.9, -20.0, -0.001, 0.0])
async def test_a_user_whose_token_has_just_expired_is_let_in_while_the_service_accepts_the_token_and_is_not_cached(
    client: AuthClient, clock: HandSetClock, service: ScriptedAuthService, seconds_off: float
) -> None:
    expiry = clock.now().timestamp() + seconds_off
    service.answer = lambda _: vouching_for("u", exp=expiry)

    assert [(await client.authenticate("token")).id for _ in range(3)] == ["u"] * 3
    assert len(service.asked) == 3

    service.answer = lambda _: rejecting()
    with pytest.raises(NotAuthenticatedError):
        await client.authenticate("token")


@pytest.mark.parametrize("seconds_off", [-1e9, -300.0, -60.0])
async def test_a_token_that_expired_a_minute_ago_is_refused(
    client: AuthClient, clock: HandSetClock, service: ScriptedAuthService, seconds_off: float
) -> None:
    service.answer = lambda _: vouching_for("u", exp=clock.now().timestamp() + seconds_off)

    with pytest.raises(NotAuthenticatedError):
        await client.authenticate("token")


async def test_a_token_may_expire_at_the_end_of_time(client: AuthClient, service: ScriptedAuthService) -> None:
    service.answer = lambda _: vouching_for("u", exp=253402300799)

    assert (await client.authenticate("token")).id == "u"


async def test_a_revoked_token_is_refused_within_300_seconds(
    client: AuthClient, clock: HandSetClock, service: ScriptedAuthService
) -> None:
    await client.authenticate("token")
    service.answer = lambda _: rejecting()

    clock.advance(300.001)

    with pytest.raises(NotAuthenticatedError):
        await client.authenticate("token")


async def test_a_changed_answer_takes_effect_when_the_cached_one_expires(
    client: AuthClient, clock: HandSetClock, service: ScriptedAuthService
) -> None:
    service.answer = lambda _: vouching_for("ann")
    before = await client.authenticate("token")
    service.answer = lambda _: vouching_for("bob")

    clock.advance(299)
    meanwhile = await client.authenticate("token")
    clock.advance(2)
    after = await client.authenticate("token")

    assert (before.id, meanwhile.id, after.id) == ("ann", "ann", "bob")


async def test_a_flood_of_bad_tokens_evicts_no_good_one(clock: HandSetClock, service: ScriptedAuthService) -> None:
    service.answer = lambda token: vouching_for(token) if token.startswith("good") else rejecting()
    good = [f"good {number}" for number in range(10)]
    async with AuthClient("http://auth", "key", clock, max_size=10, transport=service.transport) as client:
        for token in good:
            await client.authenticate(token)

        for number in range(100):
            with pytest.raises(NotAuthenticatedError):
                await client.authenticate(f"bad {number}")
        service.asked.clear()

        assert [(await client.authenticate(token)).id for token in good] == good
    assert service.asked == []


async def test_a_repeated_bad_token_is_validated_once_in_ten_seconds(
    client: AuthClient, clock: HandSetClock, service: ScriptedAuthService
) -> None:
    service.answer = lambda _: rejecting()

    for _ in range(20):
        with pytest.raises(NotAuthenticatedError):
            await client.authenticate("bad")
        clock.advance(1)

    assert len(service.asked) == 2


async def test_a_user_is_cached_for_the_given_time(clock: HandSetClock, service: ScriptedAuthService) -> None:
    async with AuthClient("http://auth", "key", clock, ttl_seconds=60, transport=service.transport) as client:
        for _ in range(4):
            await client.authenticate("token")
            clock.advance(31)

    assert len(service.asked) == 2


@in_virtual_time
async def test_a_caller_gets_an_outcome_shortly_before_the_given_time(clock: HandSetClock) -> None:
    service = ScriptedAuthService()
    service.may_answer.clear()
    began = asyncio.get_running_loop().time()
    async with AuthClient("http://auth", "key", clock, timeout_seconds=40, transport=service.transport) as client:
        with pytest.raises(AuthUnavailableError):
            await client.authenticate("token")

    assert 36 < asyncio.get_running_loop().time() - began < 40


async def test_more_users_than_fit_into_the_cache_are_all_served(clock: HandSetClock) -> None:
    service = ScriptedAuthService(answer=vouching_for)
    async with AuthClient("http://auth", "key", clock, max_size=10, transport=service.transport) as client:
        for _ in range(2):
            for number in range(20):
                assert (await client.authenticate(f"user {number}")).id == f"user {number}"

    assert len(service.asked) == 40


@given(st.lists(st.text("ab -_é", max_size=6), min_size=2, max_size=20, unique=True), st.text("a.", max_size=40))
async def test_no_token_is_ever_mistaken_for_another(endings: list[str], prefix: str) -> None:
    tokens = [f"t{prefix}{ending}" for ending in endings]
    service = ScriptedAuthService(answer=lambda token: vouching_for(f"<{token}>"))
    async with AuthClient("http://auth", "key", HandSetClock(), transport=service.transport) as client:
        for token in tokens * 2:
            assert (await client.authenticate(token)).id == f"<{token}>"

    assert sorted(service.asked) == sorted(tokens)


@pytest.mark.parametrize("token", ["", "\ud800", "x" * (16 * 1024 + 1)])
async def test_text_that_cannot_be_a_token_is_refused_without_a_call(
    client: AuthClient, service: ScriptedAuthService, token: str
) -> None:
    with pytest.raises(NotAuthenticatedError):
        await client.authenticate(token)

    assert service.asked == []


@pytest.mark.parametrize("token", ["x" * 16 * 1024, '"}, "valid": true', "a\r\nb: c", "\x00", "\u2028", "😀"])
async def test_a_token_arrives_unchanged(client: AuthClient, service: ScriptedAuthService, token: str) -> None:
    service.answer = lambda _: vouching_for("u")

    await client.authenticate(token)

    assert service.asked == [token]


async def test_a_client_that_is_not_open_raises(clock: HandSetClock, service: ScriptedAuthService) -> None:
    client = AuthClient("http://auth", "key", clock, transport=service.transport)

    with pytest.raises(RuntimeError, match="not open"):
        await client.authenticate("token")


async def test_closing_tells_waiting_callers_that_auth_is_unavailable(
    client: AuthClient, service: ScriptedAuthService
) -> None:
    service.may_answer.clear()
    waiting = asyncio.create_task(client.authenticate("token"))
    await service.until_asked(1)

    await client.close()

    with pytest.raises(AuthUnavailableError):
        await waiting


def failing(_: str) -> httpx.Response:
    return httpx.Response(503)


async def test_a_failure_is_not_cached(client: AuthClient, service: ScriptedAuthService) -> None:
    service.answer = failing
    with pytest.raises(AuthUnavailableError):
        await client.authenticate("token")
    service.answer = vouching_for

    assert (await client.authenticate("token")).id == "token"
