"""The built-in page: the modules that it loads later, while replicas of two versions are running."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from chatcore_memory import DONE_FRAME, PAUSE, token_frame
from tests.browser.console_page import ConsolePage
from tests.browser.other_version import FULL_STORAGE, other_version_for
from tests.integration.entrypoints.chatcore_service.http_server import LiveService
from tests.integration.faults.waiting import eventually

NOT_LOADED = "This part of the page could not be loaded."


async def test_an_open_page_that_cannot_render_a_reply_is_loaded_again(
    console: ConsolePage, service: LiveService
) -> None:
    other = other_version_for(console)
    service.inference.say("Some **bold** text")
    await other.takes_over(most_visits=0)
    await console.send("Hello")
    await console.field.fill("A thought")

    await expect(console.texts.locator("strong")).to_have_text("bold")
    await expect(console.field).to_have_value("A thought")
    assert other.visits == 1
    assert "GET markdown/rendering.js" in other.asked
    assert await console.stored() == [("Hello", "complete"), ("Some **bold** text", "complete")]


async def test_an_open_page_that_cannot_show_the_settings_is_loaded_again(console: ConsolePage) -> None:
    other = other_version_for(console)
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    await console.field.fill("A thought")
    url = console.page.url
    await other.takes_over(most_visits=0)
    await console.button("Settings").click()
    await eventually(lambda: other.visits == 1, within=20, what="the page is loaded again")

    await expect(console.texts).to_have_text(["Hello"])
    await expect(console.field).to_have_value("A thought")
    assert console.page.url == url
    await console.button("Settings").click()
    await expect(console.page.get_by_role("dialog", name="Settings")).to_be_visible()


async def test_a_page_that_is_outdated_again_is_not_loaded_again_and_again(console: ConsolePage) -> None:
    other = other_version_for(console)
    await other.takes_over("panels/.*")
    await console.button("Settings").click()
    await eventually(lambda: other.visits == 1, within=20, what="the page is loaded again")

    await console.button("Settings").click()

    await expect(console.page.get_by_text(NOT_LOADED)).to_be_visible()
    assert other.visits == 1


@pytest.mark.parametrize("obstacle", ["the network", "no service", "no storage"])
async def test_a_page_that_another_one_would_not_help_is_not_loaded_again(console: ConsolePage, obstacle: str) -> None:
    other = other_version_for(console)
    if obstacle == "the network":
        await other.breaks("panels/settings.js")
    else:
        await other.takes_over()
    if obstacle == "no service":
        await console.page.route(f"{console.tab.origin}/", lambda route: route.fulfill(status=404))
    if obstacle == "no storage":
        await console.page.evaluate(FULL_STORAGE)
    await console.field.fill("A thought")
    await console.button("Settings").click()
    await expect(console.page.get_by_text(NOT_LOADED)).to_be_visible()
    other.has_left = True

    await console.button("Settings").click()

    await expect(console.page.get_by_role("dialog", name="Settings")).to_be_visible()
    await expect(console.field).to_have_value("A thought")
    assert other.visits == 0


@pytest.mark.parametrize("file", ["markdown/highlight.js", "vendor/@highlightjs/cdn-assets/es/languages/python.min.js"])
async def test_code_that_cannot_be_coloured_stays_plain(console: ConsolePage, service: LiveService, file: str) -> None:
    other = other_version_for(console)
    await other.takes_over(re.escape(file))
    service.inference.say("```python\nprint(1)\n```\n\n- x\n\n  ```python\n  print(2)\n  ```\n\n" * 50)
    await console.send("Hello")
    await expect(console.texts.locator("pre")).to_have_count(100)
    await eventually(lambda: other.asked.count(f"GET {file}") == 5, within=20, what="the last attempt")

    await console.send("Hello again")
    await expect(console.texts.locator("pre")).to_have_count(200)

    await expect(console.texts.locator("pre").last).to_have_text("print(2)")
    await expect(console.texts.locator("[class^=hljs]")).to_have_count(0)
    assert other.asked == [f"GET {file}"] * 5
    assert other.visits == 0


async def test_a_text_grows_without_the_code_that_closes_its_markup(console: ConsolePage, service: LiveService) -> None:
    other = other_version_for(console)
    await other.takes_over("vendor/remend/.*")
    service.inference.play(token_frame("Some **bold"), PAUSE, token_frame("** text"), DONE_FRAME)
    await console.send("Hello")
    await expect(console.texts).to_have_text("Some **bold")
    await eventually(lambda: len(other.asked) == 5, within=20, what="the last attempt")
    service.inference.release()

    await expect(console.texts.locator("strong")).to_have_text("bold")
    assert set(other.asked) == {"GET vendor/remend/dist/index.js"}
    assert other.visits == 0
