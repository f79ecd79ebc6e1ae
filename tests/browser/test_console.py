"""The built-in page: chatting, whatever happens to the connection and to the model."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from chatcore.errors import InferenceUnreachableError
from chatcore_memory import DONE_FRAME, PAUSE, token_frame
from tests.browser.console_page import ConsolePage, open_console
from tests.browser.watched_tab import Screen
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService

#: Emoji have two UTF-16 units, and a family has several code points, so counting anything but code points shows.
BEGINNING, END = "One 👩‍👩‍👧 and 😀", " and the 𝄞 rest."
REPLY = BEGINNING + END
PAUSED = (token_frame(BEGINNING), PAUSE, token_frame(END), DONE_FRAME)


# -- A conversation --------------------------------------------------------------------------------------------------


async def test_a_message_is_answered_and_the_conversation_is_listed(console: ConsolePage, service: LiveService) -> None:
    service.inference.say("Good", " morning", " 😀")

    await console.send("Hello there")

    await expect(console.asked).to_have_text(["Hello there"])
    await expect(console.texts).to_have_text(["Good morning 😀"])
    await expect(console.titles).to_have_text(["Hello there"])
    await expect(console.field).to_have_value("")
    await expect(console.page).to_have_title(re.compile("^Hello there . chatcore$"))
    assert await console.stored() == [("Hello there", "complete"), ("Good morning 😀", "complete")]


async def test_the_next_message_follows_the_reply(console: ConsolePage) -> None:
    await console.send("One")
    await expect(console.texts).to_have_text(["Hello"])

    await console.send("Two")

    await expect(console.asked).to_have_text(["One", "Two"])
    await expect(console.texts).to_have_text(["Hello", "Hello"])
    assert [content for content, _ in await console.stored()] == ["One", "Hello", "Two", "Hello"]


async def test_a_long_conversation_is_loaded_as_one_scrolls_up(console: ConsolePage, service: LiveService) -> None:
    path = await service.conversation()
    for number in range(40):
        await service.client.post(f"{path}/messages", json={"content": f"Message {number}"}, headers=ALICE)

    await console.load(f"#/c/{path.rpartition('/')[2]}")
    await expect(console.asked.last).to_have_text("Message 39")
    await expect(console.texts).to_have_text(["Hello"] * 25)
    await console.page.locator(".messages").hover()
    await console.page.mouse.wheel(0, -5000)

    await expect(console.asked).to_have_count(40)
    await expect(console.asked.first).to_have_text("Message 0")
    # What was on the screen is still there.
    await expect(console.asked.nth(16)).to_be_in_viewport()


# -- A reply that is being written -----------------------------------------------------------------------------------


async def test_a_reply_appears_as_it_is_written_and_is_heard_when_it_is_whole(
    console: ConsolePage, service: LiveService
) -> None:
    service.inference.play(*PAUSED)
    await console.send("Hello")

    await expect(console.texts).to_have_text([BEGINNING])
    await expect(console.log).to_have_attribute("aria-busy", "true")
    await expect(console.titles.get_by_label("A reply is being written")).to_be_visible()
    service.inference.release()

    await expect(console.texts).to_have_text([REPLY])
    await expect(console.log).to_have_attribute("aria-busy", "false")
    await expect(console.titles.get_by_label("A reply is being written")).to_have_count(0)


@pytest.mark.parametrize("how", ["button", "Escape"])
async def test_a_reply_is_stopped_and_keeps_its_text(console: ConsolePage, service: LiveService, how: str) -> None:
    service.inference.play(*PAUSED)
    await console.send("Hello")
    await expect(console.texts).to_have_text([BEGINNING])

    if how == "button":
        await console.button("Stop").click()
    else:
        await console.page.keyboard.press("Escape")

    await expect(console.replies).to_contain_text("You stopped this reply.")
    await expect(console.texts).to_have_text([BEGINNING])
    assert await console.stored() == [("Hello", "complete"), (BEGINNING, "stopped")]


async def test_a_stopped_reply_can_be_continued(console: ConsolePage, service: LiveService) -> None:
    service.inference.play(*PAUSED)
    await console.send("Hello")
    await expect(console.texts).to_have_text([BEGINNING])
    await console.button("Stop").click()
    service.inference.play(token_frame(END), DONE_FRAME)

    await console.button("Continue").click()

    await expect(console.texts).to_have_text([REPLY])
    await expect(console.button("Continue")).to_have_count(0)
    assert await console.stored() == [("Hello", "complete"), (REPLY, "complete")]


async def test_another_reply_takes_the_place_of_the_last_one(console: ConsolePage, service: LiveService) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    service.inference.say("Another")

    await console.button("Try again").click()

    await expect(console.texts).to_have_text(["Another"])
    assert await console.stored() == [("Hello", "complete"), ("Another", "complete")]


async def test_a_reply_that_was_begun_in_another_tab_is_shown(
    console: ConsolePage, service: LiveService, browser: Browser
) -> None:
    service.inference.play(*PAUSED)
    await console.send("Hello")
    await expect(console.texts).to_have_text([BEGINNING])
    async with open_console(browser, service) as other:
        await other.sign_in()
        await other.titles.first.click()

        await expect(other.texts).to_have_text([BEGINNING])
        service.inference.release()
        await expect(other.texts).to_have_text([REPLY])
        await expect(console.texts).to_have_text([REPLY])


async def test_what_the_model_thinks_is_folded_and_what_it_uses_is_a_card(
    console: ConsolePage, service: LiveService
) -> None:
    service.inference.play(
        b'data: {"reasoning":"Let me see."}\n\n',
        token_frame("I look it up."),
        b'data: {"tool_calls":[{"function":{"name":"search","arguments":"{}"}}]}\n\n',
        token_frame("Found."),
        b'data: {"usage":{"completion_tokens":7}}\n\n',
        DONE_FRAME,
    )
    await console.send("Hello")

    await expect(console.texts).to_have_text(["I look it up.", "Found."])
    await expect(console.replies.get_by_text("Let me see.")).to_be_hidden()
    await console.replies.get_by_text("Thoughts").click()
    await expect(console.replies.get_by_text("Let me see.")).to_be_visible()
    await expect(console.replies.get_by_text("Used search")).to_be_visible()
    await console.page.reload()
    await expect(console.texts).to_have_text(["I look it up.", "Found."])
    await expect(console.replies.get_by_text("Used search")).to_be_visible()


async def test_a_reply_that_was_cut_goes_on_as_one_text(console: ConsolePage, service: LiveService) -> None:
    """What the model has used stands between the two parts and is not shown."""
    service.inference.play(
        token_frame("```python\nprint("),
        b'data: {"usage":{"completion_tokens":7}}\n\n',
        b'data: {"done":true,"finish_reason":"length"}\n\n',
    )
    await console.send("Hello")
    await expect(console.texts.locator("code")).to_have_text("print(")
    service.inference.play(token_frame("1)\n```\n\nThat is all."), DONE_FRAME)

    await console.button("Continue").click()

    await expect(console.texts.locator("code")).to_have_text("print(1)")
    await expect(console.texts.locator("p")).to_have_text(["That is all."])
    await console.page.reload()
    await expect(console.texts.locator("code")).to_have_text("print(1)")
    await expect(console.texts.locator("p")).to_have_text(["That is all."])


async def test_the_end_is_followed_only_while_the_reader_is_there(console: ConsolePage, service: LiveService) -> None:
    paragraphs = [token_frame(f"Paragraph {number}.\n\n") for number in range(40)]
    service.inference.play(*paragraphs, PAUSE, *paragraphs, token_frame("The end."), DONE_FRAME)
    await console.send("Hello")
    await expect(console.texts.get_by_text("Paragraph 39.")).to_be_in_viewport()
    await expect(console.button("Latest")).to_have_count(0)

    await console.page.locator(".messages").hover()
    await console.page.mouse.wheel(0, -1500)
    await expect(console.button("Latest")).to_be_visible()
    service.inference.release()
    await expect(console.texts.get_by_text("The end.")).to_be_attached()
    await expect(console.texts.get_by_text("The end.")).not_to_be_in_viewport()
    await console.button("Latest").click()

    await expect(console.texts.get_by_text("The end.")).to_be_in_viewport()


# -- What goes wrong -------------------------------------------------------------------------------------------------


async def test_a_failed_reply_says_why_and_can_be_tried_again(console: ConsolePage, service: LiveService) -> None:
    service.inference.outage = InferenceUnreachableError()
    await console.send("Hello")
    await expect(console.replies).to_contain_text("The model could not be reached.")
    service.inference.outage = None

    await console.button("Try again").click()

    await expect(console.texts).to_have_text(["Hello"])
    await expect(console.replies).not_to_contain_text("could not be reached")


# -- Looks -----------------------------------------------------------------------------------------------------------


async def test_on_a_narrow_screen_nothing_is_cut_off_and_the_list_is_behind_a_button(
    browser: Browser, service: LiveService
) -> None:
    code = "x = " + " + ".join(map(str, range(100)))
    service.inference.say(f"# Title\n\n```python\n{code}\n```\n\n| a | b |\n|---|---|\n| {'word ' * 9} | 2 |\n")
    async with open_console(browser, service, screen=Screen(width=360)) as console:
        await console.sign_in()
        await console.send("Hello " + "o" * 300)
        await expect(console.texts.get_by_role("table")).to_be_visible()

        widths = await console.page.evaluate(
            "[...document.querySelectorAll('html, .messages')].map((element) => element.scrollWidth)"
        )
        assert widths == [360, 360]
        await expect(console.titles).to_have_count(0)
        await console.button("Conversations").click()
        await expect(console.titles.first).to_be_in_viewport()
        await console.button("New chat").click()
        await expect(console.titles).to_have_count(0)


@pytest.mark.parametrize(("scheme", "background"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(27, 28, 29)")])
async def test_the_page_has_the_colours_that_the_reader_prefers(
    browser: Browser, service: LiveService, scheme: Literal["light", "dark"], background: str
) -> None:
    async with open_console(browser, service, screen=Screen(scheme=scheme)) as console:
        await console.load()

        shown = await console.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert shown == background
