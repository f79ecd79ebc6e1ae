"""The addresses at which users of an issuer sign in: what is taken, and when the issuer is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import respx

from chatcore.errors import AuthUnavailableError
from chatcore_auth import IssuerDirectory, SignInEndpoints
from chatcore_auth.issuer_directory import REFRESH_SECONDS, RETRY_SECONDS
from chatcore_memory import FrozenClock

URL = "https://issuer.test/realm"
DISCOVERY = f"{URL}/.well-known/openid-configuration"
DOCUMENT = {
    "issuer": URL,
    "authorization_endpoint": "https://login.test/authorize",
    "token_endpoint": "https://issuer.test/token",
}
ENDPOINTS = SignInEndpoints("https://login.test/authorize", "https://issuer.test/token")


@pytest.fixture
def issuer() -> Iterator[respx.Route]:
    with respx.mock(assert_all_called=False) as router:
        yield router.get(DISCOVERY).respond(json=DOCUMENT)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


async def test_the_addresses_are_those_of_the_discovery_document(issuer: respx.Route, clock: FrozenClock) -> None:
    assert await IssuerDirectory(URL, clock).endpoints() == ENDPOINTS
    assert issuer.call_count == 1


async def test_all_callers_share_one_fetch(issuer: respx.Route, clock: FrozenClock) -> None:
    directory = IssuerDirectory(URL, clock)

    assert await asyncio.gather(*(directory.endpoints() for _ in range(5))) == [ENDPOINTS] * 5
    assert issuer.call_count == 1


async def test_old_addresses_are_fetched_again(issuer: respx.Route, clock: FrozenClock) -> None:
    directory = IssuerDirectory(URL, clock)
    await directory.endpoints()
    issuer.respond(json={**DOCUMENT, "token_endpoint": "https://issuer.test/new"})

    clock.advance(REFRESH_SECONDS - 1)
    assert await directory.endpoints() == ENDPOINTS
    clock.advance(1)
    assert (await directory.endpoints()).token_endpoint == "https://issuer.test/new"


async def test_while_the_issuer_is_away_known_addresses_stay(issuer: respx.Route, clock: FrozenClock) -> None:
    directory = IssuerDirectory(URL, clock)
    await directory.endpoints()
    issuer.respond(status_code=500)
    clock.advance(REFRESH_SECONDS)

    assert await directory.endpoints() == ENDPOINTS
    assert issuer.call_count == 2


async def test_an_issuer_that_is_away_is_asked_again_after_a_pause(issuer: respx.Route, clock: FrozenClock) -> None:
    directory = IssuerDirectory(URL, clock)
    issuer.respond(status_code=500)
    for _ in range(3):
        with pytest.raises(AuthUnavailableError):
            await directory.endpoints()
    assert issuer.call_count == 1
    issuer.respond(json=DOCUMENT)

    clock.advance(RETRY_SECONDS)
    assert await directory.endpoints() == ENDPOINTS


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://other.test"},
        {"token_endpoint": "http://issuer.test/token"},
        {"token_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "/authorize"},
    ],
)
async def test_a_document_that_cannot_be_used_gives_no_addresses(
    issuer: respx.Route, clock: FrozenClock, change: dict[str, object]
) -> None:
    issuer.respond(json={**DOCUMENT, **change})

    with pytest.raises(AuthUnavailableError):
        await IssuerDirectory(URL, clock).endpoints()
