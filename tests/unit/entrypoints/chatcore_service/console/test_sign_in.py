"""How the reader signs in, by the mode in which the service authenticates callers."""

from __future__ import annotations

import pytest
from attrs import evolve, frozen
from tests.unit.entrypoints.chatcore_service.http_service import SETTINGS
from tests.unit.entrypoints.chatcore_service.trusted_proxy import BEHIND_PROXY

from chatcore.errors import AuthUnavailableError
from chatcore_service.auth_settings import AuthMode, OidcSettings
from chatcore_service.console.sign_in import (
    IssuerEndpoints,
    OidcSignIn,
    ProxySignIn,
    TokenSignIn,
    sign_in_for,
)
from chatcore_service.settings import Settings

OIDC = OidcSettings(issuer="https://id.test/", audiences=("chat-api", "other"), client_id="chat-page")


@frozen
class Endpoints:
    authorization_endpoint: str = "https://id.test/authorize"
    token_endpoint: str = "https://tokens.test/token"


@frozen
class Known:
    """The directory of an issuer that answers."""

    issuer: str

    async def endpoints(self) -> IssuerEndpoints:
        assert self.issuer == OIDC.issuer
        return Endpoints()


@frozen
class Away:
    """The directory of an issuer that does not answer."""

    issuer: str

    async def endpoints(self) -> IssuerEndpoints:
        raise AuthUnavailableError


def with_issuer(oidc: OidcSettings = OIDC) -> Settings:
    return evolve(SETTINGS, auth_mode=AuthMode.OIDC, oidc=oidc)


async def test_where_another_service_validates_tokens_the_reader_pastes_one() -> None:
    sign_in = sign_in_for(SETTINGS, Known)

    assert await sign_in.describe() == TokenSignIn(method="token")
    assert list(await sign_in.addresses()) == []


async def test_an_address_that_exchanges_codes_is_named() -> None:
    address = "http://127.0.0.1:8001/sign-in"
    sign_in = sign_in_for(evolve(SETTINGS, console_sign_in_url=address), Known)

    assert await sign_in.describe() == TokenSignIn(method="token", exchange_url=address)
    assert list(await sign_in.addresses()) == [address]


async def test_behind_a_proxy_there_is_nothing_to_do() -> None:
    sign_in = sign_in_for(BEHIND_PROXY, Known)

    assert await sign_in.describe() == ProxySignIn(method="proxy")
    assert list(await sign_in.addresses()) == []


async def test_an_issuer_signs_the_reader_in_for_the_first_audience() -> None:
    sign_in = sign_in_for(with_issuer(evolve(OIDC, scope="openid chat")), Known)

    assert await sign_in.describe() == OidcSignIn(
        method="oidc",
        client_id="chat-page",
        authorization_endpoint="https://id.test/authorize",
        token_endpoint="https://tokens.test/token",
        scope="openid chat",
        audience="chat-api",
    )
    # The browser goes to the other endpoint, to which the page itself sends nothing.
    assert list(await sign_in.addresses()) == ["https://tokens.test/token"]


async def test_without_a_client_the_reader_pastes_a_token_of_the_issuer() -> None:
    assert await sign_in_for(with_issuer(evolve(OIDC, client_id=None)), Known).describe() == TokenSignIn(method="token")


async def test_while_the_issuer_cannot_be_asked_the_page_may_send_it_nothing() -> None:
    sign_in = sign_in_for(with_issuer(), Away)

    assert list(await sign_in.addresses()) == []
    with pytest.raises(AuthUnavailableError):
        await sign_in.describe()
