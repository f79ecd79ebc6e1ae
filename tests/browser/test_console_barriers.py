"""The built-in page: what axe, which looks for barriers, finds in it on every screen."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from chatcore.errors import InferenceUnreachableError
from chatcore_memory import PAUSE, token_frame
from tests.browser.axe import barriers
from tests.browser.console_page import ConsolePage, open_console
from tests.browser.sample_chat import hold, store_older
from tests.browser.watched_tab import PHONE, Screen
from tests.integration.entrypoints.chatcore_service.http_server import LiveService

SCREENS = {"light": Screen(), "dark": Screen(scheme="dark"), "phone": PHONE}


@pytest_asyncio.fixture(params=SCREENS, ids=list(SCREENS), loop_scope="session")
async def screen(request: pytest.FixtureRequest, browser: Browser, service: LiveService) -> AsyncIterator[ConsolePage]:
    """Provides the page on each kind of screen, not loaded yet."""
    async with open_console(browser, service, screen=SCREENS[request.param]) as console:
        yield console


async def test_nothing_bars_the_way_in(screen: ConsolePage) -> None:
    await screen.load()
    await expect(screen.page.get_by_label("Token")).to_be_visible()
    assert await barriers(screen.page) == []

    await screen.page.get_by_label("Token").fill("wrong")
    await screen.button("Open").click()
    await expect(screen.page.get_by_role("alert")).to_be_visible()
    assert await barriers(screen.page) == []


async def test_nothing_bars_the_way_to_a_chat(screen: ConsolePage) -> None:
    await screen.sign_in()
    assert await barriers(screen.page) == []

    await hold(screen)
    for summary in await screen.log.locator("summary").all():
        await summary.click()
    assert await barriers(screen.page) == []


async def test_nothing_bars_the_way_to_a_reply_that_is_being_written_or_has_failed(
    screen: ConsolePage, service: LiveService
) -> None:
    await screen.sign_in()
    service.inference.play(token_frame("Once"), PAUSE)
    await screen.send("Tell me a story")
    await expect(screen.texts).to_have_text(["Once"])
    assert await barriers(screen.page) == []

    service.inference.outage = InferenceUnreachableError()
    await screen.button("Stop").click()
    await expect(screen.log).to_have_attribute("aria-busy", "false")
    await screen.send("Tell me another")
    await expect(screen.replies.last).to_contain_text("The model could not be reached.")
    assert await barriers(screen.page) == []


async def test_nothing_bars_the_way_to_dialogs_and_versions(screen: ConsolePage, service: LiveService) -> None:
    await screen.sign_in()
    await hold(screen)
    service.inference.say("Athens")
    await screen.asked.hover()
    await screen.asked.get_by_role("button", name="Edit").click()
    await expect(screen.page.get_by_role("textbox", name="Edit the message")).to_be_focused()
    assert await barriers(screen.page) == []

    await screen.page.keyboard.type(" In a table.")
    await screen.page.keyboard.press("Enter")
    await expect(screen.asked).to_contain_text("2/2")
    await expect(screen.log).to_have_attribute("aria-busy", "false")
    assert await barriers(screen.page) == []

    await screen.button("Settings").click()
    await expect(screen.page.get_by_role("dialog", name="Settings")).to_be_visible()
    assert await barriers(screen.page) == []

    await screen.page.keyboard.press("Escape")
    if await screen.button("Conversations").is_visible():
        await screen.button("Conversations").tap()
    await screen.button("Import and export").click()
    await expect(screen.page.get_by_role("dialog")).to_be_visible()
    assert await barriers(screen.page) == []


async def test_nothing_bars_the_way_to_what_was_found(screen: ConsolePage, service: LiveService) -> None:
    await store_older(service)
    await screen.sign_in()
    await screen.found("names", 1)
    await screen.page.keyboard.press("Control+k")
    await screen.page.get_by_role("searchbox").fill("names")
    await expect(screen.page.get_by_role("list", name="Search results").get_by_role("link")).to_have_count(1)
    assert await barriers(screen.page) == []


async def test_nothing_bars_the_way_through_the_list(screen: ConsolePage, service: LiveService) -> None:
    await store_older(service)
    await screen.sign_in()
    await expect(screen.page.locator("nav li")).not_to_have_count(0)
    if await screen.button("Conversations").is_visible():
        # Fingers cannot hover.
        await screen.button("Conversations").tap()
        await screen.button("More").first.tap()
    else:
        await screen.page.get_by_role("searchbox").focus()
        await screen.page.keyboard.press("Tab")
    await expect(screen.button("Rename").first).to_be_visible()
    assert await barriers(screen.page) == []

    await screen.button("Rename").first.click()
    await expect(screen.page.get_by_label("Title")).to_be_focused()
    assert await barriers(screen.page) == []
    await screen.page.keyboard.press("Escape")

    await expect(screen.button("Delete").first).to_be_visible()
    await screen.button("Delete").first.click()
    await expect(screen.button("Undo")).to_be_visible()
    assert await barriers(screen.page) == []
