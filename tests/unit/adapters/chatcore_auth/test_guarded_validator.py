"""While the auth service is away nobody waits for it, and no single caller can make it seem away."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from tests.unit.adapters.chatcore_auth.scripted_auth_service import (
    HandSetClock,
    ScriptedAuthService,
    rejecting,
    vouching_for,
)

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


def failing(_: str) -> httpx.Response:
    return httpx.Response(503)


async def test_an_outage_of_ten_minutes_lets_in_only_those_who_are_remembered_and_only_for_300_seconds(
    client: AuthClient, clock: HandSetClock, service: ScriptedAuthService
) -> None:
    await client.authenticate("known")
    service.answer = failing
    let_in: list[int] = []

    for second in range(1, 601):
        clock.advance(1)
        with pytest.raises(AuthUnavailableError):
            await client.authenticate(f"new {second}")
        try:
            await client.authenticate("known")
        except AuthUnavailableError:
            continue
        let_in.append(second)

    assert let_in == list(range(1, 300))
    # Five to find out, then one probe in two seconds or so, not two calls a second.
    assert len(service.asked) < 5 + 600 / 2 + 10


async def test_after_failures_in_a_row_nobody_waits_until_a_probe_succeeds(
    client: AuthClient, clock: HandSetClock, service: ScriptedAuthService
) -> None:
    service.answer = failing
    for number in range(20):
        with pytest.raises(AuthUnavailableError):
            await client.authenticate(f"token {number}")
    assert len(service.asked) == 5

    service.answer = vouching_for
    with pytest.raises(AuthUnavailableError):
        await client.authenticate("too early")
    clock.advance(2)

    assert (await client.authenticate("probe")).id == "probe"
    assert (await client.authenticate("next")).id == "next"


async def test_rejections_are_no_failures(client: AuthClient, service: ScriptedAuthService) -> None:
    service.answer = lambda _: rejecting()

    for number in range(20):
        with pytest.raises(NotAuthenticatedError):
            await client.authenticate(f"token {number}")

    assert len(service.asked) == 20


def reset(_: str) -> httpx.Response:
    raise httpx.ReadError("reset")


AWAY: dict[str, Callable[[str], httpx.Response]] = {
    "429": lambda _: httpx.Response(429),
    "500": lambda _: httpx.Response(500),
    "503": lambda _: httpx.Response(503),
    "503 with a page that is too long": lambda _: httpx.Response(503, content=b" " * 100_000),
    "502 with a compressed page": lambda _: httpx.Response(502, headers={"Content-Encoding": "br"}, content=b"?"),
    "a reset": reset,
}

# What each of these says depends on the token, and that is the caller's to choose.
UNUSABLE: dict[str, Callable[[str], httpx.Response]] = {
    "204": lambda _: httpx.Response(204),
    "302": lambda _: httpx.Response(302, headers={"Location": "http://elsewhere/"}),
    "400": lambda _: httpx.Response(400),
    "403": lambda _: httpx.Response(403),
    "404": lambda _: httpx.Response(404),
    "422": lambda _: httpx.Response(422),
    "HTML": lambda _: httpx.Response(200, html="<html>"),
    "a user without an id": lambda _: httpx.Response(200, json={"valid": True, "user": {}}),
    "too long": lambda _: httpx.Response(200, content=b" " * 100_000),
    "compressed": lambda _: httpx.Response(200, headers={"Content-Encoding": "br"}, content=b"?"),
}


@pytest.mark.parametrize("answer", AWAY.values(), ids=AWAY)
async def test_what_says_that_the_service_is_away_spares_others_the_wait(
    client: AuthClient, service: ScriptedAuthService, answer: Callable[[str], httpx.Response]
) -> None:
    service.answer = answer
    for number in range(5):
        with pytest.raises(AuthUnavailableError):
            await client.authenticate(f"token {number}")
    service.asked.clear()

    with pytest.raises(AuthUnavailableError):
        await client.authenticate("another")

    assert service.asked == []


async def test_no_answer_in_time_says_that_the_service_is_away(clock: HandSetClock) -> None:
    service = ScriptedAuthService()
    service.may_answer.clear()
    async with AuthClient("http://auth", "key", clock, timeout_seconds=0.05, transport=service.transport) as client:
        await asyncio.gather(*(client.authenticate(f"token {number}") for number in range(5)), return_exceptions=True)
        service.may_answer.set()

        with pytest.raises(AuthUnavailableError):
            await client.authenticate("another")

    assert "another" not in service.asked


@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE)
async def test_an_answer_that_is_unusable_for_one_caller_keeps_nobody_else_out(
    client: AuthClient, service: ScriptedAuthService, answer: Callable[[str], httpx.Response]
) -> None:
    service.answer = lambda token: answer(token) if token.startswith("odd") else vouching_for(token)

    for number in range(10):
        with pytest.raises(AuthUnavailableError):
            await client.authenticate(f"odd {number}")

    assert (await client.authenticate("good")).id == "good"
    assert len(service.asked) == 11


@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE)
async def test_a_probe_that_gets_any_prompt_answer_lets_everyone_through(
    client: AuthClient, clock: HandSetClock, service: ScriptedAuthService, answer: Callable[[str], httpx.Response]
) -> None:
    service.answer = failing
    for number in range(5):
        with pytest.raises(AuthUnavailableError):
            await client.authenticate(f"token {number}")
    service.answer = lambda token: answer(token) if token == "odd" else vouching_for(token)
    clock.advance(2)

    with pytest.raises(AuthUnavailableError):
        await client.authenticate("odd")

    assert (await client.authenticate("good")).id == "good"
