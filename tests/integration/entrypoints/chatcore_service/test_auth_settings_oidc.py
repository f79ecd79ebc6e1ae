"""The running service with AUTH_MODE=oidc: what callers and readers get, from first request to expiry."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from attrs import evolve, frozen
from tests.integration.adapters.chatcore_auth.auth_server import Request, serving
from tests.integration.entrypoints.chatcore_service.http_server import PAUSED, SETTINGS, LiveService, live_service
from tests.oidc_tokens import AUDIENCE, claims_at, ec_key, key_set

from chatcore_service.auth_settings import AuthMode, OidcSettings


@frozen
class Issuer:
    """An issuer on loopback."""

    url: str

    def headers(self, **claims: object) -> dict[str, str]:
        """Returns the headers of a request with a token that is valid for five minutes."""
        token = ec_key().sign(claims_at(time.time(), **{"iss": self.url, **claims}))
        return {"Authorization": f"Bearer {token}"}


async def _publish(request: Request, writer: asyncio.StreamWriter) -> None:
    url = f"http://{request.headers['host']}"
    discovery = b'{"issuer":"%s","jwks_uri":"%s/keys"}' % (url.encode(), url.encode())
    body = key_set(ec_key().jwk()) if request.path == "/keys" else discovery
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with serving(_publish) as url:
        yield Issuer(url)


@pytest.fixture
async def service(issuer: Issuer) -> AsyncIterator[LiveService]:
    oidc = OidcSettings(issuer=issuer.url, audiences=(AUDIENCE,))
    settings = evolve(SETTINGS, auth_mode=AuthMode.OIDC, oidc=oidc, admin_emails=("root@a.test",))
    async with live_service(settings) as service:
        yield service


async def test_the_subject_owns_what_the_token_creates(service: LiveService, issuer: Issuer) -> None:
    path = await service.conversation(issuer.headers(sub="ann"))

    assert (await service.client.get(path, headers=issuer.headers(sub="ann"))).json()["user_id"] == "ann"
    assert (await service.client.get(path, headers=issuer.headers(sub="bob"))).status_code == 404


@pytest.mark.parametrize("claims", [{"aud": "other"}, {"iss": "https://attacker.test"}, {"nbf": 4_000_000_000}])
async def test_a_token_that_is_not_valid_here_is_401(
    service: LiveService, issuer: Issuer, claims: dict[str, object]
) -> None:
    response = await service.client.get("/api/conversations", headers=issuer.headers(**claims))

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["content-type"] == "application/problem+json"


async def test_an_address_of_an_administrator_counts_if_it_is_verified(service: LiveService, issuer: Issuer) -> None:
    async def swap(**claims: object) -> httpx.Response:
        return await service.client.post(
            "/api/models/swap", json={"model_tag": "another"}, headers=issuer.headers(email="root@a.test", **claims)
        )

    assert (await swap()).status_code == 403
    assert (await swap(email_verified=True)).status_code < 300


async def test_a_stream_ends_with_its_token_and_the_reply_goes_on(service: LiveService, issuer: Issuer) -> None:
    service.inference.play(*PAUSED)
    path = await service.conversation(issuer.headers())
    expires_at = time.time() + 2
    async with (
        asyncio.timeout(20),
        service.client.stream(
            "POST", f"{path}/messages", json={"content": "hi"}, headers=issuer.headers(exp=expires_at)
        ) as response,
    ):
        text = (await response.aread()).decode()

    assert time.time() >= expires_at - 0.1
    assert text.endswith(": reconnect\n\n")
    assert "done" not in text
    [_, reply] = (await service.client.get(path, headers=issuer.headers())).json()["messages"]
    assert (reply["status"], reply["content"]) == ("streaming", "Hel")


async def test_readiness_shows_that_the_keys_were_obtained(service: LiveService) -> None:
    ready = await service.client.get("/api/ready")

    assert (ready.status_code, ready.json()["checks"]["auth"]) == (200, "ok")
