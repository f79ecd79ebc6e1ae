"""The built-in page: what everybody needs who uses it with a keyboard, by ear, with fingers or with weak eyes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from chatcore_memory import DONE_FRAME, PAUSE, token_frame
from tests.browser.console_page import ConsolePage, open_console
from tests.browser.sample_chat import hold, store_older
from tests.browser.watched_tab import PHONE, Screen
from tests.integration.entrypoints.chatcore_service.http_server import LiveService

#: Chromium's smallest sides of the elements that a finger can hit, by what the page calls them. A link within a text
#: has the height of its line.
TARGETS = """[...document.querySelectorAll("button, input, textarea, summary, nav a")]
  .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.matches(".backdrop"))
  .map((element) => {
    const { width, height } = element.getBoundingClientRect();
    return [element.ariaLabel || element.textContent.trim() || element.tagName, Math.round(Math.min(width, height))];
  })"""
LEAST_PIXELS = 40


@pytest_asyncio.fixture(loop_scope="session")
async def phone(browser: Browser, service: LiveService) -> AsyncIterator[ConsolePage]:
    """Provides the page on a small screen that is touched, not loaded yet."""
    async with open_console(browser, service, screen=PHONE) as console:
        yield console


# -- With a keyboard -------------------------------------------------------------------------------------------------


async def test_everything_in_the_list_can_be_reached_with_the_tab_key(
    console: ConsolePage, service: LiveService
) -> None:
    await store_older(service)
    await console.page.reload()
    await expect(console.titles.first).to_be_visible()
    await console.page.get_by_role("searchbox").focus()

    reached: list[str] = []
    for _ in range(6):
        await console.page.keyboard.press("Tab")
        reached.append(await console.page.evaluate("document.activeElement.title"))

    assert reached == [
        "Reading list for the book club",
        "Unpin",
        "Rename",
        "Archive",
        "Delete",
        "How our deployment works",
    ]


async def test_on_a_small_screen_the_focus_goes_into_the_list_and_back(
    phone: ConsolePage, service: LiveService
) -> None:
    await store_older(service)
    await phone.sign_in()
    await phone.button("Conversations").focus()

    await phone.page.keyboard.press("Enter")
    await expect(phone.button("New chat")).to_be_focused()
    # What the list covers cannot be reached.
    await phone.field.evaluate("(field) => field.focus()")
    await expect(phone.button("New chat")).to_be_focused()
    await phone.page.keyboard.press("Escape")
    await expect(phone.button("Conversations")).to_be_focused()

    await phone.button("Conversations").tap()
    # The field would open a keyboard over what one wants to read.
    await phone.titles.first.tap()
    await expect(phone.button("Conversations")).to_be_focused()
    await phone.button("Conversations").tap()
    await phone.page.set_viewport_size({"width": 1280, "height": 740})
    await phone.field.fill("The list covers nothing any more.")


async def test_keys_of_an_input_method_that_composes_a_character_are_its_own(
    console: ConsolePage, service: LiveService
) -> None:
    press = """(field, key) => field.dispatchEvent(
      new KeyboardEvent("keydown", { key, isComposing: true, bubbles: true, cancelable: true }))"""
    await console.field.fill("にほん")
    await console.field.evaluate(press, "Enter")
    await expect(console.field).to_have_value("にほん")
    await expect(console.asked).to_have_count(0)

    service.inference.play(token_frame("Wait"), PAUSE, token_frame(" for it"), DONE_FRAME)
    await console.send("にほん")
    await expect(console.texts).to_have_text(["Wait"])
    await console.field.evaluate(press, "Escape")
    service.inference.release()
    await expect(console.texts).to_have_text(["Wait for it"])
    assert [status for _, status in await console.stored()] == ["complete", "complete"]


async def test_the_field_has_the_focus_and_a_button_leads_to_it_past_the_list(
    console: ConsolePage, service: LiveService
) -> None:
    await store_older(service)
    await console.page.reload()
    await expect(console.titles).not_to_have_count(0)
    await expect(console.field).to_be_focused()

    await console.button("New chat").focus()
    await console.page.keyboard.press("Shift+Tab")
    await expect(console.button("Write a message")).to_be_focused()
    await expect(console.button("Write a message")).to_be_in_viewport()
    await console.page.keyboard.press("Enter")
    await expect(console.field).to_be_focused()


async def test_a_conversation_that_is_opened_is_not_read_out_and_a_reply_is(
    console: ConsolePage, service: LiveService
) -> None:
    await console.send("One")
    await expect(console.texts).to_have_text(["Hello"])
    await console.button("New chat").click()
    await console.titles.first.click()
    await expect(console.texts).to_have_text(["Hello"])
    await expect(console.log).to_have_attribute("aria-live", "off")

    service.inference.play(token_frame("Wait"), PAUSE, DONE_FRAME)
    await console.send("Hello")
    await expect(console.texts.last).to_have_text("Wait")
    await expect(console.log).to_have_attribute("aria-busy", "true")
    service.inference.release()
    await expect(console.log).to_have_attribute("aria-busy", "false")
    await expect(console.log).to_have_attribute("aria-live", "polite")

    await console.button("New chat").click()
    await console.titles.first.click()
    await expect(console.texts).to_have_count(2)
    await expect(console.log).to_have_attribute("aria-live", "off")


# -- With fingers ----------------------------------------------------------------------------------------------------


async def test_fingers_find_large_targets(phone: ConsolePage, service: LiveService) -> None:
    await store_older(service)
    await phone.load()
    await expect(phone.page.get_by_label("Token")).to_be_visible()
    await require_large_targets(phone)
    await phone.sign_in()
    await hold(phone)
    await require_large_targets(phone)

    await phone.button("Conversations").tap()
    await expect(phone.titles.first).to_be_in_viewport()
    # Nothing can be hovered, so a button shows the actions of any conversation.
    await expect(phone.button("Delete")).to_have_count(0)
    await phone.button("More").last.tap()
    await expect(phone.button("Delete")).to_have_count(1)
    await require_large_targets(phone)
    await phone.button("Delete").tap()
    await expect(phone.button("Undo")).to_be_visible()
    await require_large_targets(phone)


async def require_large_targets(console: ConsolePage) -> None:
    targets = await console.page.evaluate(TARGETS)
    assert targets
    assert [target for target in targets if target[1] < LEAST_PIXELS] == []


async def test_nothing_is_wider_than_a_small_screen(phone: ConsolePage) -> None:
    await phone.sign_in()
    await hold(phone)

    widths = await phone.page.evaluate(
        "[...document.querySelectorAll('html, .messages, header, .composer')].map((element) => element.scrollWidth)"
    )
    assert max(widths) <= 360


# -- Without motion --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
async def test_nothing_moves_for_readers_who_do_not_want_it(
    browser: Browser, service: LiveService, motion: str
) -> None:
    screen = Screen(motion="reduce") if motion == "reduce" else Screen()
    service.inference.play(PAUSE)
    async with open_console(browser, service, screen=screen) as console:
        await console.sign_in()
        await console.send("Hello")
        await expect(console.titles.get_by_label("A reply is being written")).to_be_visible()
        await expect(console.replies.locator(".waiting")).to_be_visible()

        moving = await console.page.evaluate("document.getAnimations().length")
        assert (moving > 0) is (motion == "no-preference")


async def test_the_focus_goes_to_the_field_where_a_button_goes_away(console: ConsolePage, service: LiveService) -> None:
    await console.field.fill("Hello")
    await console.button("Send").focus()
    await console.page.keyboard.press("Enter")
    await expect(console.texts).to_have_text(["Hello"])
    await expect(console.field).to_be_focused()

    service.inference.play(token_frame("Wait"), PAUSE, DONE_FRAME)
    await console.button("Try again").focus()
    await console.page.keyboard.press("Enter")
    await expect(console.texts).to_have_text(["Wait"])
    await expect(console.field).to_be_focused()

    await console.button("Stop").focus()
    await console.page.keyboard.press("Enter")
    await expect(console.replies).to_contain_text("You stopped this reply.")
    await expect(console.field).to_be_focused()

    service.inference.say(" for it")
    await console.button("Continue").focus()
    await console.page.keyboard.press("Enter")
    await expect(console.field).to_be_focused()
    await expect(console.log).to_have_attribute("aria-busy", "false")

    await console.edit(console.asked, "Hello again")
    await expect(console.asked).to_contain_text("2/2")
    await expect(console.field).to_be_focused()
