"""The built-in page: how an issuer signs its reader in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from attrs import evolve
from playwright.async_api import Browser, expect

from chatcore_service.auth_settings import AuthMode, OidcSettings
from tests.browser.console_page import ConsolePage, open_console
from tests.browser.issuer import CLIENT, RunningIssuer, running_issuer
from tests.integration.entrypoints.chatcore_service.http_server import SETTINGS, live_service
from tests.oidc_tokens import AUDIENCE

# -- With a token ----------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session")
async def issuer() -> AsyncIterator[RunningIssuer]:
    async with running_issuer() as issuer:
        yield issuer


@pytest_asyncio.fixture(loop_scope="session")
async def of_issuer(browser: Browser, issuer: RunningIssuer) -> AsyncIterator[ConsolePage]:
    """Provides the page of a service that trusts the issuer."""
    oidc = OidcSettings(issuer=issuer.url, audiences=(AUDIENCE,), client_id=CLIENT, scope="openid chat")
    settings = evolve(SETTINGS, auth_mode=AuthMode.OIDC, oidc=oidc)
    async with live_service(settings) as service, open_console(browser, service, issuer.url) as console:
        yield console


async def test_an_issuer_signs_the_reader_in_and_the_conversation_is_still_open(
    of_issuer: ConsolePage, issuer: RunningIssuer
) -> None:
    fragment = "#/c/3fa85f64-5717-4562-b3fc-2c963f66afa6"
    await of_issuer.load(fragment)
    await of_issuer.button("Sign in").click()

    await expect(of_issuer.page.get_by_text("This conversation does not exist any more.")).to_be_visible()
    assert of_issuer.page.url == f"{of_issuer.tab.origin}/{fragment}"
    await of_issuer.button("New chat").click()
    await of_issuer.send("Hello")
    await expect(of_issuer.texts).to_have_text(["Hello"])
    await of_issuer.page.reload()
    await expect(of_issuer.texts).to_have_text(["Hello"])
    (asked,) = issuer.asked
    assert (asked["client_id"], asked["scope"], asked["audience"]) == (CLIENT, "openid chat", AUDIENCE)
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == f"{of_issuer.tab.origin}/"
    assert issuer.granted == ["authorization_code"]


async def test_an_expired_token_is_renewed_without_a_word(of_issuer: ConsolePage, issuer: RunningIssuer) -> None:
    # The service allows for clocks that differ by 30 s.
    issuer.lifetime = -60
    await of_issuer.load()
    await of_issuer.button("Sign in").click()
    await expect(of_issuer.page.get_by_text("The service does not accept this sign-in.")).to_be_visible()
    assert issuer.granted == ["authorization_code", "refresh_token"]

    issuer.lifetime = 300
    await of_issuer.button("Sign in").click()
    await expect(of_issuer.field).to_be_visible()
    await expect(of_issuer.page.get_by_text("Your conversations will be listed here.")).to_be_visible()


async def test_what_the_issuer_refuses_is_said(of_issuer: ConsolePage, issuer: RunningIssuer) -> None:
    issuer.refusal = "access_denied"
    await of_issuer.load()
    await of_issuer.button("Sign in").click()

    await expect(of_issuer.page.get_by_text("The sign-in failed: access_denied.")).to_be_visible()
    assert "state=" not in of_issuer.page.url


async def test_an_answer_that_this_tab_has_not_asked_for_is_refused(
    of_issuer: ConsolePage, issuer: RunningIssuer
) -> None:
    await of_issuer.load("?code=somebody-elses&state=made-up")

    await expect(of_issuer.page.get_by_text("The sign-in was begun elsewhere. Try again.")).to_be_visible()
    assert issuer.granted == []
