"""Tests the bounds around the auth service.

Nobody waits for a service that is down, no single caller can make it seem down, and concurrent calls are limited.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import structlog
from tests.unit.adapters.chatcore_auth.scripted_auth_service import (
    HandSetClock,
    ScriptedAuthService,
    rejecting,
    vouching_for,
)
from tests.unit.virtual_time import in_virtual_time

from chatcore.errors import AuthUnavailableError, NotAuthenticatedError
from chatcore.user import User
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


#: The text that a probe sends in place of a token.
PROBE = "readiness-probe"


def failing(_: str) -> httpx.Response:
    return httpx.Response(503)


async def test_during_an_outage_only_cached_users_are_let_in_for_300_seconds(
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
    # Five calls raise a doubt; after that there is about one probe every two seconds, not two calls a second.
    assert len(service.asked) < 5 + 600 / 2 + 10


async def test_after_failures_in_a_row_no_calls_are_made_until_a_probe_succeeds(
    client: AuthClient, clock: HandSetClock, service: ScriptedAuthService
) -> None:
    service.answer = failing
    for number in range(20):
        with pytest.raises(AuthUnavailableError):
            await client.authenticate(f"token {number}")
    assert service.asked == [f"token {number}" for number in range(5)] + [PROBE]

    service.answer = vouching_for
    with pytest.raises(AuthUnavailableError):
        await client.authenticate("too early")
    clock.advance(2)

    with structlog.testing.capture_logs() as lines:
        assert (await client.authenticate("first")).id == "first"
        assert (await client.authenticate("next")).id == "next"

    assert [line["event"] for line in lines] == ["the auth service answers again"]
    assert service.asked[6:] == [PROBE, "first", "next"]


async def test_rejections_do_not_count_as_failures(client: AuthClient, service: ScriptedAuthService) -> None:
    service.answer = lambda _: rejecting()

    for number in range(20):
        with pytest.raises(NotAuthenticatedError):
            await client.authenticate(f"token {number}")

    assert len(service.asked) == 20


def reset(_: str) -> httpx.Response:
    raise httpx.ReadError("reset")


OUTAGES: dict[str, Callable[[str], httpx.Response]] = {
    "429": lambda _: httpx.Response(429),
    "500": lambda _: httpx.Response(500),
    "503": lambda _: httpx.Response(503),
    "503 with a page that is too long": lambda _: httpx.Response(503, content=b" " * 100_000),
    "502 with a compressed page": lambda _: httpx.Response(502, headers={"Content-Encoding": "br"}, content=b"?"),
    "a reset": reset,
}

# Each of these answers may depend on the token, which the caller chooses.
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


@pytest.mark.parametrize("answer", OUTAGES.values(), ids=OUTAGES)
async def test_outages_open_the_breaker(
    client: AuthClient, service: ScriptedAuthService, answer: Callable[[str], httpx.Response]
) -> None:
    service.answer = answer
    for number in range(5):
        with pytest.raises(AuthUnavailableError):
            await client.authenticate(f"token {number}")
    service.asked.clear()

    for number in range(5):
        with pytest.raises(AuthUnavailableError):
            await client.authenticate(f"another {number}")

    # A request whose connection breaks is sent twice.
    assert set(service.asked) == {PROBE}
    assert len(service.asked) <= 2


@in_virtual_time
async def test_timeouts_open_the_breaker(clock: HandSetClock) -> None:
    service = ScriptedAuthService()
    service.may_answer.clear()
    async with AuthClient("http://auth", "key", clock, timeout_seconds=5, transport=service.transport) as client:
        await asyncio.gather(*(client.authenticate(f"token {number}") for number in range(5)), return_exceptions=True)
        with pytest.raises(AuthUnavailableError):
            await client.authenticate("another")
        service.may_answer.set()

        with pytest.raises(AuthUnavailableError):
            await client.authenticate("one more")

    assert service.asked[5:] == [PROBE]


@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE)
async def test_unusable_answers_for_one_caller_lock_out_nobody_else(
    client: AuthClient, service: ScriptedAuthService, answer: Callable[[str], httpx.Response]
) -> None:
    service.answer = lambda token: answer(token) if token.startswith("odd") else vouching_for(token)

    for number in range(10):
        with pytest.raises(AuthUnavailableError):
            await client.authenticate(f"odd {number}")

    assert (await client.authenticate("good")).id == "good"
    assert len(service.asked) == 11


@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE)
async def test_a_probe_that_gets_any_answer_closes_the_breaker(
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


class HangingService(ScriptedAuthService):
    """Never answers a token that begins with "hanging"; rejects the probe and vouches for all other tokens."""

    async def until_answered(self, token: str) -> None:
        if token.startswith("hanging"):
            await asyncio.Event().wait()


def vouching_but_for_the_probe(token: str) -> httpx.Response:
    return rejecting() if token == PROBE else vouching_for(token)


@in_virtual_time
@pytest.mark.parametrize("callers", [8, 60])
async def test_callers_on_whose_tokens_the_service_hangs_shut_out_nobody_else(
    clock: HandSetClock, callers: int
) -> None:
    service = HangingService(answer=vouching_but_for_the_probe)

    async def keep_calling(client: AuthClient, token: str) -> None:
        while True:
            with pytest.raises(AuthUnavailableError):
                await client.authenticate(token)
            await asyncio.sleep(0.1)

    async with AuthClient("http://auth", "key", clock, transport=service.transport) as client:
        hanging = [asyncio.create_task(keep_calling(client, f"hanging {number}")) for number in range(callers)]
        for number in range(20):
            await asyncio.sleep(1)
            clock.advance(1)
            assert (await client.authenticate(f"new {number}")).id == f"new {number}"
        # No answer to another token makes up for the failures here.
        for number in range(20):
            await asyncio.sleep(10)
            clock.advance(10)
            assert (await client.authenticate(f"late {number}")).id == f"late {number}"
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


@in_virtual_time
async def test_new_tokens_on_which_the_service_hangs_shut_out_nobody_else(clock: HandSetClock) -> None:
    service = HangingService(answer=vouching_but_for_the_probe)
    async with AuthClient("http://auth", "key", clock, transport=service.transport) as client:
        for attempt in range(5):
            await asyncio.gather(
                *(client.authenticate(f"hanging {attempt} {number}") for number in range(50)), return_exceptions=True
            )

            assert (await client.authenticate(f"new {attempt}")).id == f"new {attempt}"


@in_virtual_time
async def test_a_wave_of_new_tokens_on_which_the_service_hangs_holds_up_nobody_else(clock: HandSetClock) -> None:
    service = HangingService(answer=vouching_but_for_the_probe)
    async with AuthClient("http://auth", "key", clock, transport=service.transport) as client:
        wave = [asyncio.create_task(client.authenticate(f"hanging {number}")) for number in range(100)]
        await asyncio.sleep(0)

        assert (await client.authenticate("new")).id == "new"
        await asyncio.gather(*wave, return_exceptions=True)


@in_virtual_time
async def test_a_caller_beyond_those_that_wait_is_refused_at_once(clock: HandSetClock) -> None:
    service = HangingService(answer=vouching_but_for_the_probe)
    async with AuthClient("http://auth", "key", clock, max_concurrent_calls=4, transport=service.transport) as client:
        wave = [asyncio.create_task(client.authenticate(f"hanging {number}")) for number in range(2 * 4)]
        await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()

        with pytest.raises(AuthUnavailableError):
            await client.authenticate("new")

        assert asyncio.get_running_loop().time() == began
        await asyncio.gather(*wave, return_exceptions=True)
        assert (await client.authenticate("new")).id == "new"


@in_virtual_time
async def test_a_token_that_keeps_failing_makes_no_calls_for_a_while(clock: HandSetClock) -> None:
    service = HangingService(answer=vouching_but_for_the_probe)
    async with AuthClient("http://auth", "key", clock, transport=service.transport) as client:
        for _ in range(10):
            with pytest.raises(AuthUnavailableError):
                await client.authenticate("hanging")
        assert service.asked == ["hanging"] * 3
        clock.advance(2.001)

        with pytest.raises(AuthUnavailableError):
            await client.authenticate("hanging")
        assert service.asked == ["hanging"] * 4


@in_virtual_time
async def test_a_service_that_fails_on_all_tokens_is_probed_once_in_a_pause_of_the_given_length(
    clock: HandSetClock,
) -> None:
    service = ScriptedAuthService(answer=failing)
    async with AuthClient(
        "http://auth", "key", clock, failures_to_doubt=2, pause_seconds=7, transport=service.transport
    ) as client:
        for number in range(100):
            with pytest.raises(AuthUnavailableError):
                await client.authenticate(f"token {number}")
            clock.advance(1)

    # The first two calls fail; then a probe comes every 7 seconds.
    assert service.asked == ["token 0", "token 1", *[PROBE] * 14]


@in_virtual_time
async def test_closing_ends_a_probe_in_progress(clock: HandSetClock) -> None:
    service = ScriptedAuthService(answer=failing)
    client = AuthClient("http://auth", "key", clock, transport=service.transport)
    await client.open()
    for number in range(5):
        with pytest.raises(AuthUnavailableError):
            await client.authenticate(f"token {number}")
    service.may_answer.clear()
    waiting = asyncio.create_task(client.authenticate("another"))
    await service.until_asked(6)

    await client.close()

    with pytest.raises(AuthUnavailableError):
        await waiting


@in_virtual_time
async def test_concurrent_calls_are_limited_and_the_rest_wait(clock: HandSetClock) -> None:
    service = ScriptedAuthService()
    service.may_answer.clear()
    async with AuthClient("http://auth", "key", clock, max_concurrent_calls=4, transport=service.transport) as client:
        requests = [asyncio.create_task(client.authenticate(f"token {number}")) for number in range(8)]
        await service.until_asked(4)
        await asyncio.sleep(0.01)
        assert len(service.asked) == 4

        service.may_answer.set()
        await asyncio.gather(*requests)

    assert len(service.asked) == 8
    assert service.most_at_once == 4


@in_virtual_time
async def test_a_slow_call_gives_its_slot_to_another_up_to_a_limit(clock: HandSetClock) -> None:
    service = ScriptedAuthService()
    service.may_answer.clear()
    async with AuthClient(
        "http://auth", "key", clock, max_concurrent_calls=1, timeout_seconds=10, transport=service.transport
    ) as client:
        requests: list[asyncio.Task[User]] = []
        for number in range(30):
            requests.append(asyncio.create_task(client.authenticate(f"token {number}")))
            await asyncio.sleep(0.2)
        outcomes = await asyncio.gather(*requests, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {AuthUnavailableError}
    assert service.most_at_once == 2
