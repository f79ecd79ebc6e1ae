"""The built-in page: other versions of messages, and what becomes of the branches."""

from __future__ import annotations

import re

from playwright.async_api import Browser, Route, expect

from chatcore.errors import InferenceUnreachableError
from chatcore_memory import DONE_FRAME, PAUSE, token_frame
from tests.browser.console_page import ConsolePage, open_console
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService

PAUSED = (token_frame("Wait"), PAUSE, token_frame(" for it"), DONE_FRAME)


async def test_any_reply_is_regenerated_and_its_versions_are_kept(console: ConsolePage, service: LiveService) -> None:
    await console.send("One")
    await expect(console.texts).to_have_text(["Hello"])
    await console.send("Two")
    await expect(console.texts).to_have_count(2)
    service.inference.say("Another")

    await console.replies.first.get_by_role("button", name="Try again").click()

    await expect(console.texts).to_have_text(["Another"])
    await expect(console.replies).to_contain_text("2/2")
    await expect(console.log).to_have_attribute("aria-busy", "false")
    await console.replies.first.get_by_role("button", name="Previous version").click()
    await expect(console.texts).to_have_text(["Hello", "Hello"])
    await expect(console.asked.last).to_contain_text("Two")


async def test_a_regeneration_that_comes_to_nothing_says_why_and_shows_the_earlier_reply(
    console: ConsolePage, service: LiveService
) -> None:
    await console.send("One")
    await expect(console.texts).to_have_text(["Hello"])
    service.inference.outage = InferenceUnreachableError()

    await console.button("Try again").click()

    await expect(console.page.get_by_role("alert")).to_have_text(
        "There is no new reply. The model could not be reached."
    )
    await expect(console.texts).to_have_text(["Hello"])


async def test_a_reply_in_another_branch_goes_on_and_can_be_stopped(
    console: ConsolePage, service: LiveService, browser: Browser
) -> None:
    await console.send("One")
    await expect(console.texts).to_have_text(["Hello"])
    service.inference.play(*PAUSED)
    await console.edit(console.asked, "Two")
    await expect(console.texts).to_have_text(["Wait"])

    await console.asked.get_by_role("button", name="Previous version").click()

    await expect(console.texts).to_have_text(["Hello"])
    await expect(console.log).to_have_attribute("aria-busy", "false")
    async with open_console(browser, service) as other:
        # A tab that has not seen the reply begin knows of it as well.
        await other.sign_in()
        await other.titles.click()
        await expect(other.texts).to_have_text(["Hello"])
        await expect(other.button("Send")).to_have_count(0)
        await other.button("Stop").click()
        await expect(other.button("Send")).to_be_visible()
    await expect(console.button("Send")).to_be_visible()
    assert {message["status"] for message in await console.tree()} == {"complete", "stopped"}


async def test_the_arrows_keep_the_focus_and_their_place(console: ConsolePage, service: LiveService) -> None:
    service.inference.say("\n\n".join(f"Paragraph {number}." for number in range(40)))
    await console.send("One")
    await expect(console.texts.get_by_text("Paragraph 39.")).to_be_in_viewport()
    for number in (2, 3):
        await console.edit(console.asked, f"Version {number}")
        await expect(console.asked).to_contain_text(f"{number}/3" if number == 3 else "2/2")
        await expect(console.texts.get_by_text("Paragraph 39.")).to_be_in_viewport()
    await console.asked.get_by_role("button", name="Previous version").focus()

    await console.page.keyboard.press("Enter")
    await expect(console.asked).to_contain_text("2/3")
    await expect(console.asked.get_by_role("button", name="Previous version")).to_be_focused()
    await console.page.keyboard.press("Enter")
    await expect(console.asked).to_contain_text("1/3")

    await expect(console.asked.get_by_role("button", name="Next version")).to_be_focused()
    await expect(console.asked).to_be_in_viewport()


async def test_a_branch_is_shown_while_another_one_is_written(console: ConsolePage, service: LiveService) -> None:
    await console.send("One")
    await expect(console.texts).to_have_text(["Hello"])
    service.inference.play(*PAUSED)
    await console.button("Try again").click()
    await expect(console.texts).to_have_text(["Wait"])
    await console.replies.get_by_role("button", name="Previous version").click()
    await expect(console.texts).to_have_text(["Hello"])

    await console.button("Show it").click()

    await expect(console.texts).to_have_text(["Wait"])
    await expect(console.page.get_by_text("A reply is being written in another version.")).to_have_count(0)
    service.inference.release()
    await expect(console.texts).to_have_text(["Wait for it"])
    await expect(console.page.get_by_role("alert")).to_have_count(0)


# -- Deletion --------------------------------------------------------------------------------------------------------


async def test_a_message_is_deleted_with_all_that_follows_after_a_question(console: ConsolePage) -> None:
    await console.converse("One", "Two")
    await console.asked.last.hover()
    await console.asked.last.get_by_role("button", name="Delete this message").click()
    await expect(console.asked.last).to_contain_text("Delete this and all that follows?")
    await console.button("Keep it").click()
    await expect(console.asked.last.get_by_role("button", name="Delete this message")).to_be_focused()
    # The same key twice deletes nothing.
    await console.page.keyboard.press("Enter")
    await expect(console.button("Keep it")).to_be_focused()
    await console.page.keyboard.press("Escape")
    await expect(console.button("Keep it")).to_have_count(0)
    await console.page.keyboard.press("Enter")
    await expect(console.button("Keep it")).to_be_focused()

    await console.page.keyboard.press("Shift+Tab")
    await console.page.keyboard.press("Enter")

    await expect(console.asked).to_have_count(1)
    await expect(console.texts).to_have_text(["Hello"])
    assert [message["content"] for message in await console.tree()] == ["One", "Hello"]


async def test_after_a_reply_was_deleted_another_one_can_be_had(console: ConsolePage, service: LiveService) -> None:
    await console.send("One")
    await expect(console.texts).to_have_text(["Hello"])
    await console.replies.get_by_role("button", name="Delete this reply").click()
    await console.button("Delete it").click()
    await expect(console.replies).to_have_count(0)
    service.inference.say("Another")

    await console.asked.hover()
    await console.asked.get_by_role("button", name="Try again").click()

    await expect(console.texts).to_have_text(["Another"])
    assert [message["content"] for message in await console.tree()] == ["One", "Another"]


async def test_the_last_version_that_is_left_is_shown_without_arrows(
    console: ConsolePage, service: LiveService
) -> None:
    await console.send("One")
    await expect(console.texts).to_have_text(["Hello"])
    service.inference.say("Another")
    await console.button("Try again").click()
    await expect(console.replies).to_contain_text("2/2")

    await console.replies.get_by_role("button", name="Delete this reply").click()
    await console.button("Delete it").click()

    await expect(console.texts).to_have_text(["Hello"])
    await expect(console.page.get_by_role("group", name="Versions")).to_have_count(0)


async def test_a_double_click_asks_for_one_version(console: ConsolePage, service: LiveService) -> None:
    await console.send("One")
    await expect(console.texts).to_have_text(["Hello"])
    service.inference.play(*PAUSED)

    await console.button("Try again").dblclick()
    await expect(console.texts).to_have_text(["Wait"])
    service.inference.release()

    await expect(console.texts).to_have_text(["Wait for it"])
    await expect(console.page.get_by_role("alert")).to_have_count(0)
    assert [message["content"] for message in await console.tree()] == ["One", "Hello", "Wait for it"]


async def test_a_reply_that_somebody_else_asks_for_is_shown(console: ConsolePage, service: LiveService) -> None:
    await console.send("One")
    await expect(console.texts).to_have_text(["Hello"])
    id_ = (await console.conversation())["id"]
    service.inference.play(*PAUSED)

    async def be_late(route: Route) -> None:
        path = f"/api/conversations/{id_}/regenerate"
        await service.client.post(path, json={}, headers={**ALICE, "Prefer": "respond-async"})
        await route.continue_()

    await console.page.route("**/regenerate", be_late)
    await console.button("Try again").click()

    await expect(console.page.get_by_role("alert")).to_have_text(re.compile("already being"))
    await expect(console.texts).to_have_text(["Wait"])
    service.inference.release()
    await expect(console.texts).to_have_text(["Wait for it"])
    await expect(console.page.get_by_role("alert")).to_have_count(0)
