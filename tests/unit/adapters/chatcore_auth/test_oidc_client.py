"""The auth port over an OpenID Connect issuer: caching, administrators, outages, and no secret in the log."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator

import pytest
import structlog
from tests.oidc_tokens import AUDIENCE, ISSUER, ec_key
from tests.unit.adapters.chatcore_auth.scripted_issuer import ScriptedIssuer

from chatcore.errors import AuthUnavailableError, NotAuthenticatedError
from chatcore_auth.oidc_client import OidcClient


@pytest.fixture
def issuer() -> ScriptedIssuer:
    return ScriptedIssuer()


@pytest.fixture
async def client(issuer: ScriptedIssuer) -> AsyncIterator[OidcClient]:
    client = OidcClient(
        ISSUER,
        [AUDIENCE],
        issuer.clock,
        admin_claim="groups=admins",
        admin_emails=["root@a.test"],
        admin_user_ids=["root"],
        transport=issuer.transport,
    )
    async with client:
        yield client


async def is_refused(client: OidcClient, token: str) -> bool:
    try:
        await client.authenticate(token)
    except NotAuthenticatedError:
        return True
    return False


async def test_a_token_gives_its_user_and_the_issuer_is_called_once(client: OidcClient, issuer: ScriptedIssuer) -> None:
    tokens = [issuer.token(sub=f"user {number}") for number in range(50)]

    users = await asyncio.gather(*(client.authenticate(token) for token in tokens * 2))

    assert [user.id for user in users] == [f"user {number}" for number in range(50)] * 2
    assert len(issuer.requested) == 2


async def test_a_user_is_cached_and_a_fresh_answer_needs_no_call(client: OidcClient, issuer: ScriptedIssuer) -> None:
    token = issuer.token()
    assert client.cached_user(token) is None
    user = await client.authenticate(token)
    issuer.is_down = True

    assert client.cached_user(token) == user
    assert await client.authenticate(token, is_fresh=True) == user


async def test_the_claim_and_the_settings_name_administrators(client: OidcClient, issuer: ScriptedIssuer) -> None:
    administrators = [
        issuer.token(groups=["users", "admins"]),
        issuer.token(sub="root"),
        issuer.token(email="Root@a.test", email_verified=True),
    ]
    users = [
        issuer.token(),
        issuer.token(groups=["users"]),
        issuer.token(email="root@a.test"),
        issuer.token(email="root@a.test", email_verified=False),
        issuer.token(email="root@a.test", email_verified="true"),
        issuer.token(is_admin=True),
    ]

    assert all([(await client.authenticate(token)).is_admin for token in administrators])
    assert not any([(await client.authenticate(token)).is_admin for token in users])


async def test_a_token_counts_until_30_seconds_after_its_expiry(client: OidcClient, issuer: ScriptedIssuer) -> None:
    token = issuer.token()
    for seconds in (299, 30):
        issuer.clock.advance(seconds)
        await client.authenticate(token)

    issuer.clock.advance(1)
    assert await is_refused(client, token)


async def test_a_token_that_is_not_yet_valid_counts_from_30_seconds_before(
    client: OidcClient, issuer: ScriptedIssuer
) -> None:
    token = issuer.token(nbf=issuer.clock.now().timestamp() + 60)
    assert await is_refused(client, token)

    issuer.clock.advance(30)
    assert not await is_refused(client, token)


async def test_a_token_of_more_than_16_kibibytes_is_refused_without_a_call(
    client: OidcClient, issuer: ScriptedIssuer
) -> None:
    assert await is_refused(client, issuer.token(groups=["g" * 20_000]))
    assert await is_refused(client, "a" * 10_000_000)
    assert issuer.requested == []


async def test_a_flood_of_made_up_keys_leads_to_one_call_and_disturbs_nobody(
    client: OidcClient, issuer: ScriptedIssuer
) -> None:
    await client.authenticate(issuer.token(sub="first"))
    flood = [ec_key("attacker").sign({}, kid=f"made up {number}") for number in range(500)]

    assert all(await asyncio.gather(*(is_refused(client, token) for token in flood)))
    assert await is_refused(client, flood[0])
    for number in range(500):
        with pytest.raises(AuthUnavailableError):
            await client.authenticate(ec_key("attacker").sign({}, kid=f"made up later {number}"))

    assert (await client.authenticate(issuer.token(sub="second"))).id == "second"
    assert len(issuer.requested) == 4


async def test_an_issuer_that_is_down_refuses_nobody_with_a_known_key(
    client: OidcClient, issuer: ScriptedIssuer
) -> None:
    await client.ping()
    issuer.is_down = True
    issuer.clock.advance(3600)

    await client.authenticate(issuer.token())
    await client.ping()
    with pytest.raises(AuthUnavailableError):
        await client.authenticate(ec_key("new").sign({}))


async def test_an_issuer_that_was_never_up_is_unavailable_until_it_is_up(
    client: OidcClient, issuer: ScriptedIssuer
) -> None:
    issuer.is_down = True
    for call in (client.ping(), client.authenticate(issuer.token())):
        with pytest.raises(AuthUnavailableError):
            await call

    issuer.is_down = False
    issuer.clock.advance(5)

    await client.ping()
    await client.authenticate(issuer.token())


async def test_no_claim_names_administrators_by_default(issuer: ScriptedIssuer) -> None:
    async with OidcClient(ISSUER, [AUDIENCE], issuer.clock, transport=issuer.transport) as client:
        user = await client.authenticate(issuer.token(is_admin=True, groups=["admins"]))

    assert not user.is_admin


async def test_no_log_line_error_or_repr_contains_a_token_or_a_claim(
    client: OidcClient, issuer: ScriptedIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    good = issuer.token(email="canary@a.test", email_verified=True)
    tokens = [
        good,
        f"{good}x",
        "canary",
        issuer.token(aud="canary"),
        ec_key("canary").sign({}),
        issuer.token(exp="canary"),
    ]
    tokens.append(issuer.token(sub="canary\0"))
    seen: list[object] = []

    with structlog.testing.capture_logs() as lines:
        for _ in range(2):
            for token in tokens:
                try:
                    seen.append(await client.authenticate(token))
                except (NotAuthenticatedError, AuthUnavailableError) as error:
                    seen.extend(traceback.format_exception(error))
            issuer.is_down = True
            issuer.clock.advance(250)
        seen.extend([vars(client), vars(client._cache), vars(client._validator)])

    everything = f"{lines} {caplog.text} {seen!r}"
    assert lines
    assert "canary" not in everything
    assert good.split(".")[1] not in everything
