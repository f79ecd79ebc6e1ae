"""The built-in page: its address, which names the open conversation."""

from __future__ import annotations

import socket

from playwright.async_api import Browser, expect
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.browser.console_page import ConsolePage
from tests.browser.issuer import serving
from tests.browser.watched_tab import open_tab
from tests.integration.entrypoints.chatcore_service.http_server import PAUSED, LiveService

#: The fragment of a conversation that does not exist.
NOWHERE = "#/c/3fa85f64-5717-4562-b3fc-2c963f66afa6"


async def test_a_conversation_is_opened_from_the_list_and_by_its_address(console: ConsolePage) -> None:
    await console.send("The first one")
    await expect(console.titles).to_have_text(["The first one"])
    await console.button("New chat").click()
    await expect(console.asked).to_have_count(0)
    await console.send("The second one")
    await expect(console.titles).to_have_text(["The second one", "The first one"])

    await console.titles.last.click()
    await expect(console.asked).to_have_text(["The first one"])
    await expect(console.texts).to_have_text(["Hello"])
    # The one that is open adds nothing to the history.
    await console.titles.last.click()
    await console.page.go_back()
    await expect(console.asked).to_have_text(["The second one"])
    await console.page.reload()
    await expect(console.asked).to_have_text(["The second one"])


async def test_a_conversation_that_does_not_exist_says_so(console: ConsolePage) -> None:
    await console.load(NOWHERE)

    await expect(console.page.get_by_text("This conversation does not exist any more.")).to_be_visible()
    await expect(console.page.get_by_role("heading", level=1)).to_have_text("Not found")
    # Once is enough.
    await expect(console.page.get_by_role("alert")).to_have_count(0)


async def test_an_address_that_the_reader_has_just_entered_is_kept_while_a_reply_grows(
    console: ConsolePage, service: LiveService
) -> None:
    """A browser reports another address a moment later, and the reply may grow in between."""
    service.inference.play(*PAUSED)
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hel"])
    await console.page.evaluate("(fragment) => history.pushState(null, '', fragment)", NOWHERE)

    service.inference.release()

    await expect(console.texts).to_have_text(["Hello"])
    assert console.page.url.endswith(NOWHERE)


async def test_the_page_works_below_a_path_of_a_proxy(browser: Browser, service: LiveService) -> None:
    proxy = Starlette(routes=[Mount("/chat", service.container.application())])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with serving(proxy, listener), open_tab(browser, origin) as tab:
            console = ConsolePage(tab, service, path="/chat/")
            await console.sign_in()
            await console.send("Hello")
            await expect(console.texts).to_have_text(["Hello"])
            await console.page.reload()
            await expect(console.texts).to_have_text(["Hello"])

            assert console.page.url.startswith(f"{origin}/chat/#/c/")
            assert (tab.foreign_urls, tab.errors) == ([], [])
