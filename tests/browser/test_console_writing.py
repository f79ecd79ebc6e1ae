"""The built-in page: the field in which the reader writes, and what becomes of the text."""

from __future__ import annotations

import asyncio

from playwright.async_api import Route, expect

from tests.browser.console_page import ConsolePage
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService


async def test_a_refusal_is_shown_in_plain_words_and_the_text_comes_back(
    console: ConsolePage, service: LiveService
) -> None:
    await console.converse("Hello")
    await service.client.delete(f"/api/conversations/{(await console.conversation())['id']}", headers=ALICE)

    await console.send("Are you there?")

    await expect(console.page.get_by_text("This conversation does not exist any more.")).to_be_visible()
    await expect(console.field).to_have_value("Are you there?")


async def test_a_text_that_is_refused_while_another_conversation_is_open_comes_back(console: ConsolePage) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    may_answer = asyncio.Event()

    async def refuse_late(route: Route) -> None:
        await may_answer.wait()
        await route.fulfill(status=422, json={"detail": "Not so."})

    await console.page.route("**/messages", refuse_late)
    await console.send("Are you there?")
    await expect(console.asked.last).to_contain_text("Sending …")
    await console.button("New chat").click()
    async with console.page.expect_response("**/messages"):
        may_answer.set()

    await console.titles.first.click()

    await expect(console.asked).to_have_text(["Hello"])
    await expect(console.field).to_have_value("Are you there?")


async def test_a_message_that_is_too_long_is_not_sent(console: ConsolePage) -> None:
    await console.field.fill("😀" * 8001)

    await expect(console.page.get_by_text("8001 of at most 8000 characters")).to_be_visible()
    await expect(console.button("Send")).to_be_disabled()
    await console.field.fill("😀" * 8000)
    await expect(console.button("Send")).to_be_enabled()


async def test_shift_and_enter_begin_a_line(console: ConsolePage) -> None:
    await console.field.press_sequentially("One")
    await console.field.press("Shift+Enter")
    await console.field.press_sequentially("Two")
    await expect(console.field).to_have_value("One\nTwo")

    await console.field.press("Enter")
    await expect(console.asked).to_have_text(["One\nTwo"])


async def test_a_key_that_sends_in_the_same_frame_as_the_last_one_sends_everything(console: ConsolePage) -> None:
    # The page is drawn once in a frame, and both events come before that.
    await console.field.evaluate(
        """(field) => {
          field.value = "Quick";
          field.dispatchEvent(new InputEvent("input", { bubbles: true }));
          field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
        }"""
    )

    await expect(console.asked).to_have_text(["Quick"])
    await expect(console.field).to_have_value("")


async def test_each_conversation_has_a_draft_that_survives_a_reload(console: ConsolePage) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    await console.field.fill("A thought")
    await console.button("New chat").click()
    await expect(console.field).to_have_value("")
    await console.field.fill("Another thought")

    await console.page.reload()
    await expect(console.field).to_have_value("Another thought")
    await console.titles.first.click()
    await expect(console.field).to_have_value("A thought")


async def test_a_key_begins_a_new_chat(console: ConsolePage) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])

    await console.page.keyboard.press("Control+Shift+O")

    await expect(console.asked).to_have_count(0)
    await expect(console.field).to_be_focused()
