"""The built-in page: how its reader signs in and out, in every mode of authentication."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from attrs import evolve
from playwright.async_api import Browser, Request, Route, expect

from chatcore import User
from chatcore_dev.auth_service.auth_app import create_auth_app
from chatcore_dev.auth_service.sign_in import CODE_VARIABLE, ORIGINS_VARIABLE, new_code, sign_in_from
from chatcore_service.auth_settings import AuthMode
from chatcore_service.environment import Environment, read_settings
from chatcore_service.proxy_settings import ProxySettings
from tests.browser.console_page import TOKEN, ConsolePage, open_console
from tests.browser.issuer import serving
from tests.integration.entrypoints.chatcore_service.http_server import BOB, SETTINGS, LiveService, live_service

TOKEN_OF_BOB = BOB["Authorization"].removeprefix("Bearer ")

# -- With a token ----------------------------------------------------------------------------------------------------


async def test_a_wrong_token_is_refused_and_a_right_one_lasts_until_the_tab_is_closed(
    browser: Browser, service: LiveService
) -> None:
    async with open_console(browser, service) as console:
        await console.load()
        await console.page.get_by_label("Token").fill("wrong")
        await console.button("Open").click()
        await expect(console.page.get_by_text("The service does not accept this sign-in.")).to_be_visible()

        await console.page.get_by_label("Token").fill(TOKEN)
        await console.button("Open").click()
        await expect(console.field).to_be_visible()
        await console.page.reload()
        await expect(console.field).to_be_visible()

        await console.button("Sign out").click()
        await expect(console.page.get_by_label("Token")).to_be_visible()
        await console.page.reload()
        await expect(console.page.get_by_label("Token")).to_be_visible()
        assert TOKEN not in await console.page.evaluate("JSON.stringify([localStorage, sessionStorage])")


async def test_another_tab_is_signed_in_as_well_unless_its_reader_signs_out(console: ConsolePage) -> None:
    await console.send("Hello")
    await expect(console.titles).to_have_text(["Hello"])

    other = await console.another_tab()
    await other.load()
    await expect(other.titles).to_have_text(["Hello"])
    await other.button("Sign out").click()
    await expect(other.page.get_by_label("Token")).to_be_visible()
    await other.page.reload()
    await expect(other.page.get_by_label("Token")).to_be_visible()

    # The other readers stay, and so does this one after a reload.
    await console.page.reload()
    await expect(console.titles).to_have_text(["Hello"])
    assert TOKEN not in await console.page.evaluate("JSON.stringify([localStorage, document.cookie, location.href])")


async def test_a_tab_beside_those_of_several_readers_asks_who_its_reader_is(console: ConsolePage) -> None:
    of_bob = await console.another_tab()
    await of_bob.load()
    await of_bob.change_reader(TOKEN_OF_BOB)

    other = await console.another_tab()
    await other.load()

    await expect(other.page.get_by_label("Token")).to_be_visible()


@pytest.mark.parametrize("pasted", [f"Bearer {TOKEN}", f"Authorization: Bearer {TOKEN}", f"  {TOKEN} \n"])
async def test_a_token_may_be_pasted_with_what_stands_around_it(
    browser: Browser, service: LiveService, pasted: str
) -> None:
    async with open_console(browser, service) as console:
        await console.sign_in(pasted)
        await console.send("Hello")
        await expect(console.texts).to_have_text(["Hello"])


async def test_a_second_click_opens_no_second_page(browser: Browser, service: LiveService) -> None:
    async with open_console(browser, service) as console:
        await console.load()
        may_answer = asyncio.Event()
        places: list[str] = []

        async def answer_late(route: Route) -> None:
            await may_answer.wait()
            await route.continue_()

        console.page.on("request", lambda request: places.append(request.url) if "changes" in request.url else None)
        await console.page.route("**/api/conversations?**", answer_late)
        await expect(console.page.get_by_label("Token")).to_be_focused()
        await console.page.keyboard.type(TOKEN)
        await console.page.keyboard.press("Enter")
        await expect(console.button("Open")).to_be_disabled()
        await console.page.get_by_label("Token").press("Enter")
        may_answer.set()

        await expect(console.page.get_by_text("Your conversations will be listed here.")).to_be_visible()
        assert len(places) == 1


@pytest.mark.parametrize("pasted", ["Bearer …", "two words", "tökén"])
async def test_what_cannot_be_a_token_is_refused_at_once(browser: Browser, service: LiveService, pasted: str) -> None:
    async with open_console(browser, service) as console:
        await console.load()
        await console.page.get_by_label("Token").fill(pasted)
        await console.button("Open").click()

        await expect(console.page.get_by_role("alert")).to_contain_text("This is not a token")
        await console.page.get_by_label("Token").fill(TOKEN)
        await console.button("Open").click()
        await expect(console.field).to_be_visible()


async def test_a_reader_who_signs_out_leaves_nothing_behind(browser: Browser, service: LiveService) -> None:
    async with open_console(browser, service) as console:
        await console.sign_in()
        await console.send("Secret")
        await expect(console.texts).to_have_text(["Hello"])
        await console.field.fill("A secret thought")
        await console.page.context.set_offline(True)
        await console.titles.hover()
        await console.button("Pin").click()
        await expect(console.page.locator(".list-notes")).to_contain_text("Waiting …")
        await console.field.fill("A secret message")
        await console.field.press("Enter")
        await expect(console.asked.last).to_contain_text("Sending …")

        await console.button("Sign out").click()
        await expect(console.page.get_by_label("Token")).to_be_visible()
        await console.page.context.set_offline(False)

        await expect(console.page).to_have_title("chatcore")
        assert "#" not in console.page.url
        await console.sign_in()
        await expect(console.titles).to_have_text(["Secret"])
        assert "ecret" not in str(await console.page.evaluate("JSON.stringify(sessionStorage)"))
        assert [content for content, _ in await console.stored()] == ["Secret", "Hello"]
        assert (await console.conversation())["is_pinned"] is False


async def test_a_token_is_in_no_address_and_goes_to_the_service_only(browser: Browser, service: LiveService) -> None:
    urls: list[str] = []
    async with open_console(browser, service) as console:
        console.page.on("request", lambda request: urls.append(request.url))
        await console.sign_in()
        await console.send("Hello")
        await expect(console.texts).to_have_text(["Hello"])

        assert TOKEN not in console.page.url
        assert TOKEN not in await console.page.evaluate("JSON.stringify([localStorage, document.cookie])")
    assert [url for url in urls if TOKEN in url] == []


async def test_a_reader_whose_token_has_expired_signs_in_again_and_goes_on_with_the_draft(
    console: ConsolePage, service: LiveService
) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    await console.field.fill("A thought")
    service.auth.reject(TOKEN)

    await console.button("Try again").click()
    await expect(console.page.get_by_text("Your sign-in is not valid any more.")).to_be_visible()
    service.auth.accept(TOKEN, User(id="alice", expires_at=datetime(9999, 1, 1, tzinfo=UTC)))
    await console.page.get_by_label("Token").fill(TOKEN)
    await console.button("Open").click()

    await expect(console.texts).to_have_text(["Hello"])
    await expect(console.field).to_have_value("A thought")
    assert await console.stored() == [("Hello", "complete"), ("Hello", "complete")]


async def test_another_reader_sees_nothing_of_one_whose_token_has_expired(
    console: ConsolePage, service: LiveService
) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    await console.field.fill("A secret thought")
    service.auth.reject(TOKEN)
    await console.button("Try again").click()

    await console.page.get_by_label("Token").fill(TOKEN_OF_BOB)
    await console.button("Open").click()

    await expect(console.page.get_by_text("Your conversations will be listed here.")).to_be_visible()
    await expect(console.field).to_have_value("")
    await expect(console.page.get_by_role("heading", level=1)).to_have_text("New chat")
    assert "secret" not in str(await console.page.evaluate("JSON.stringify(sessionStorage)"))


async def test_a_message_that_was_sent_with_an_expired_token_is_sent_once_its_reader_has_signed_in_again(
    console: ConsolePage, service: LiveService
) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    service.auth.reject(TOKEN)

    await console.send("Hello again")
    await expect(console.page.get_by_text("Your sign-in is not valid any more.")).to_be_visible()
    service.auth.accept(TOKEN, User(id="alice", expires_at=datetime(9999, 1, 1, tzinfo=UTC)))
    await console.page.get_by_label("Token").fill(TOKEN)
    await console.button("Open").click()

    await expect(console.texts).to_have_text(["Hello", "Hello"])
    assert [content for content, _ in await console.stored()] == ["Hello", "Hello", "Hello again", "Hello"]


# -- With a one-time code --------------------------------------------------------------------------------------------


@pytest.fixture
def code_listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


async def test_a_one_time_code_in_the_address_signs_in_once(browser: Browser, code_listener: socket.socket) -> None:
    exchange = f"http://127.0.0.1:{code_listener.getsockname()[1]}"
    code = new_code()
    sent: list[str] = []
    async with live_service(evolve(SETTINGS, console_sign_in_url=f"{exchange}/sign-in")) as service:
        origin = f"http://127.0.0.1:{service.port}"
        sign_in = sign_in_from({CODE_VARIABLE: code, ORIGINS_VARIABLE: origin}, "a key")
        async with serving(create_auth_app("a key", sign_in), code_listener):
            async with open_console(browser, service, exchange) as console:
                console.page.on("request", lambda request: sent.append(request.url))
                await console.load(f"#code={code}")
                # The token is one of the local auth service, which this service does not know.
                await expect(console.page.get_by_text("The service does not accept this sign-in.")).to_be_visible()
                assert code not in console.page.url
                await console.page.go_back()
                assert code not in console.page.url
            async with open_console(browser, service, exchange) as again:
                await again.load(f"#code={code}")
                await expect(again.page.get_by_text("This address was already used, or is too old.")).to_be_visible()
    assert f"{exchange}/sign-in" in sent
    assert [url for url in sent if code in url] == []


# -- Behind a proxy --------------------------------------------------------------------------------------------------


async def test_behind_a_proxy_the_reader_is_signed_in_and_the_page_sends_no_token(browser: Browser) -> None:
    variables = {
        "AUTH_PROXY_USER_HEADER": "X-Forwarded-User",
        "AUTH_PROXY_TRUSTED_IPS": "127.0.0.1",
        "AUTH_PROXY_SECRET": "secret",
    }
    proxy = read_settings(ProxySettings, Environment(variables))
    sent: list[dict[str, str]] = []

    def note(request: Request) -> None:
        sent.append(request.headers)

    async with (
        live_service(evolve(SETTINGS, auth_mode=AuthMode.PROXY, auth_proxy=proxy)) as service,
        open_console(browser, service) as console,
    ):
        console.page.on("request", note)
        # The browser's context plays the proxy.
        await console.page.set_extra_http_headers({"X-Forwarded-User": "ann", "X-Proxy-Secret": "secret"})
        await console.load()
        await console.send("Hello")
        await expect(console.texts).to_have_text(["Hello"])
        await expect(console.button("Sign out")).to_have_count(0)

        await console.page.set_extra_http_headers({})
        await console.button("New chat").click()
        await console.titles.first.click()
        await expect(console.page.get_by_text("You are signed out.")).to_be_visible()
    assert not any("authorization" in headers for headers in sent)
