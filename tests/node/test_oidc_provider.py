"""Tests the service with tokens of oidc-provider, an issuer that others wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from attrs import evolve

from chatcore_service.auth_settings import AuthMode, OidcSettings
from chatcore_service.settings import Settings
from tests.integration.entrypoints.chatcore_service.http_server import SETTINGS, LiveService, live_service
from tests.node.oidc_provider import OidcProvider
from tests.oidc_tokens import claims_at, ec_key, ed_key, rsa_key

KEYS = [rsa_key("rsa"), ec_key("ec"), ed_key("ed")]


@pytest.fixture
async def provider() -> AsyncIterator[OidcProvider]:
    async with OidcProvider.with_keys(*KEYS) as provider:
        yield provider


@pytest.fixture
async def service(provider: OidcProvider) -> AsyncIterator[LiveService]:
    async with live_service(settings_for(provider, "chat-api")) as service:
        yield service


def settings_for(provider: OidcProvider, *audiences: str) -> Settings:
    oidc = OidcSettings(issuer=provider.issuer, audiences=audiences, admin_claim="groups=admins")
    return evolve(SETTINGS, auth_mode=AuthMode.OIDC, oidc=oidc)


async def create(service: LiveService, token: str) -> httpx.Response:
    return await service.client.post("/api/conversations", headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_an_access_token_lets_its_user_in(provider: OidcProvider, service: LiveService, algorithm: str) -> None:
    tokens = await provider.sign_in("ann", resource=f"urn:chat-api:{algorithm}")

    response = await create(service, tokens.access_token)

    assert response.status_code == 201
    assert response.json()["user_id"] == "ann"


async def test_the_claim_names_administrators(provider: OidcProvider, service: LiveService) -> None:
    statuses = {}
    for name in ("ann", "root"):
        tokens = await provider.sign_in(name, resource="urn:chat-api:RS256")
        response = await service.client.post(
            "/api/models/swap",
            headers={"Authorization": f"Bearer {tokens.access_token}"},
            json={"model_tag": "another"},
        )
        statuses[name] = response.status_code

    assert statuses["ann"] == 403
    assert statuses["root"] < 300


async def test_other_tokens_of_the_issuer_let_nobody_in(provider: OidcProvider, service: LiveService) -> None:
    for_others = await provider.sign_in("ann", resource="urn:other-api:RS256")
    opaque = await provider.sign_in("ann")

    for token in (for_others.access_token, for_others.id_token, opaque.access_token):
        response = await create(service, token)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"


async def test_an_id_token_lets_its_user_in_if_it_has_the_audience(provider: OidcProvider) -> None:
    tokens = await provider.sign_in("ann")

    async with live_service(settings_for(provider, "chat-api", "page")) as service:
        response = await create(service, tokens.id_token)

    assert response.status_code == 201


async def test_keys_are_rotated_and_outlive_the_issuer(provider: OidcProvider, service: LiveService) -> None:
    old = await provider.sign_in("ann", resource="urn:chat-api:ES256")
    assert (await create(service, old.access_token)).status_code == 201

    await provider.stop()
    provider.keys = [ec_key("new"), *KEYS]
    await provider.start()
    new = await provider.sign_in("bob", resource="urn:chat-api:ES256")
    assert (await create(service, new.access_token)).status_code == 201

    await provider.stop()
    fresh = claims_at(service.container.clock().now().timestamp(), iss=provider.issuer)
    for key, status in ((KEYS[1], 201), (ec_key("new"), 201), (ec_key("newer"), 503)):
        assert (await create(service, key.sign(fresh))).status_code == status
    assert (await service.client.get("/api/ready")).json()["checks"]["auth"] == "ok"


async def test_without_the_issuer_nobody_is_let_in_and_the_service_is_not_ready() -> None:
    provider = OidcProvider.with_keys(*KEYS)
    async with live_service(settings_for(provider, "chat-api")) as service:
        response = await create(service, KEYS[0].sign({}))
        ready = await service.client.get("/api/ready")

    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert ready.status_code == 503
    assert ready.json()["checks"]["auth"] == "unavailable"
