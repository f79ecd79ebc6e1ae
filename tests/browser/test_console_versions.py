"""The built-in page: other versions of messages, and what becomes of the branches."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Browser, Locator, Route, expect

from chatcore.errors import InferenceUnreachableError
from chatcore_memory import DONE_FRAME, PAUSE, token_frame
from tests.browser.console_page import ConsolePage, open_console
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService

PAUSED = (token_frame("Wait"), PAUSE, token_frame(" for it"), DONE_FRAME)


def edited(console: ConsolePage) -> Locator:
    """Returns the field in which a message is edited."""
    return console.page.get_by_role("textbox", name="Edit the message")


def button_of(message: Locator, name: str) -> Locator:
    """Returns the button of a message with this label."""
    return message.get_by_role("button", name=name)


async def edit(console: ConsolePage, message: Locator, text: str) -> None:
    """Edits a message by mouse and keyboard."""
    await message.hover()
    await button_of(message, "Edit").click()
    await expect(edited(console)).to_be_focused()
    await edited(console).fill(text)
    await edited(console).press("Enter")


async def tree(console: ConsolePage) -> list[dict[str, Any]]:
    """Returns all messages of the only conversation, as the service has them."""
    conversation = await console.conversation()
    path = f"/api/conversations/{conversation['id']}?branches=all"
    messages: list[dict[str, Any]] = (await console.service.client.get(path, headers=ALICE)).json()["messages"]
    return messages


async def test_an_edited_message_begins_a_branch_and_both_versions_can_be_shown(
    console: ConsolePage, service: LiveService
) -> None:
    service.inference.say("Of tea")
    await console.send("Tell me of tea")
    await expect(console.texts).to_have_text(["Of tea"])
    await console.send("More")
    await expect(console.texts).to_have_count(2)
    service.inference.say("Of coffee")

    await edit(console, console.asked.first, "Tell me of coffee")

    await expect(console.asked).to_have_text(["Tell me of coffee 2/2"], use_inner_text=True)
    await expect(console.texts).to_have_text(["Of coffee"])
    assert [message["content"] for message in await tree(console) if message["role"] == "user"] == [
        "Tell me of tea",
        "More",
        "Tell me of coffee",
    ]
    await button_of(console.asked.first, "Previous version").click()
    await expect(console.asked).to_have_count(2)
    await expect(console.texts.first).to_have_text("Of tea")
    await expect(button_of(console.asked.first, "Previous version")).to_be_disabled()
    await button_of(console.asked.first, "Next version").click()
    await expect(console.texts).to_have_text(["Of coffee"])
    await console.page.reload()
    await expect(console.texts).to_have_text(["Of coffee"])


async def test_an_edit_in_the_middle_keeps_what_comes_before(console: ConsolePage) -> None:
    for count, text in enumerate(("One", "Two", "Three"), 1):
        await console.send(text)
        await expect(console.texts).to_have_text(["Hello"] * count)

    await edit(console, console.asked.nth(1), "Other")

    await expect(console.asked).to_have_count(2)
    await expect(console.asked.first).to_contain_text("One")
    await expect(console.asked.last).to_contain_text("Other")
    await expect(console.asked.last).to_contain_text("2/2")


async def test_a_key_gives_an_edit_up(console: ConsolePage) -> None:
    await console.send("One")
    await expect(console.texts).to_have_count(1)
    await console.asked.hover()
    await button_of(console.asked, "Edit").click()
    await edited(console).fill("Something else")

    await edited(console).press("Escape")

    await expect(edited(console)).to_have_count(0)
    await expect(console.asked).to_contain_text("One")
    assert [content for content, _ in await console.stored()] == ["One", "Hello"]


async def test_an_edit_whose_answer_was_lost_branches_once(console: ConsolePage) -> None:
    await console.send("One")
    await expect(console.texts).to_have_count(1)
    keys = await console.lose_first_answer("**/messages")

    await edit(console, console.asked, "Two")

    await expect(console.asked.last).to_contain_text("2/2")
    await expect(console.texts).to_have_text(["Hello"])
    assert (len(keys), len(set(keys))) == (2, 1)
    assert len(await tree(console)) == 4


async def test_any_reply_is_regenerated_and_its_versions_are_kept(console: ConsolePage, service: LiveService) -> None:
    await console.send("One")
    await expect(console.texts).to_have_text(["Hello"])
    await console.send("Two")
    await expect(console.texts).to_have_count(2)
    service.inference.say("Another")

    await button_of(console.replies.first, "Try again").click()

    await expect(console.texts).to_have_text(["Another"])
    await expect(console.replies).to_contain_text("2/2")
    await button_of(console.replies.first, "Previous version").click()
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
    await edit(console, console.asked, "Two")
    await expect(console.texts).to_have_text(["Wait"])

    await button_of(console.asked, "Previous version").click()

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
    assert {message["status"] for message in await tree(console)} == {"complete", "stopped"}


async def test_a_key_that_sends_an_edit_in_the_same_frame_as_the_last_one_sends_everything(
    console: ConsolePage,
) -> None:
    await console.send("One")
    await expect(console.texts).to_have_count(1)
    await console.asked.hover()
    await button_of(console.asked, "Edit").click()
    # The page is drawn once in a frame, and both events come before that.
    await edited(console).evaluate(
        """(field) => {
          field.value = "Quick";
          field.dispatchEvent(new InputEvent("input", { bubbles: true }));
          field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
        }"""
    )

    await expect(console.asked).to_contain_text("2/2")
    await expect(console.asked).to_contain_text("Quick")


async def test_an_edit_that_was_not_sent_is_edited_again_in_its_place(console: ConsolePage) -> None:
    await console.send("One")
    await expect(console.texts).to_have_count(1)
    await console.page.route("**/messages", lambda route: route.fulfill(status=422, json={"detail": "Too long."}))

    await edit(console, console.asked, "Two")

    await expect(console.page.get_by_role("alert")).to_have_text("Too long.")
    await expect(edited(console)).to_have_value("Two")
    await expect(console.page.locator("#message")).to_have_value("")
    await console.page.unroute("**/messages")
    await edited(console).press("Enter")
    await expect(console.asked).to_contain_text("2/2")


async def test_while_an_edit_is_on_its_way_what_it_replaces_is_not_shown(console: ConsolePage) -> None:
    for count, text in enumerate(("One", "Two"), 1):
        await console.send(text)
        await expect(console.texts).to_have_text(["Hello"] * count)
    is_lost = True

    async def lose(route: Route) -> None:
        await (route.abort() if is_lost else route.fallback())

    await console.page.route("**/messages", lose)

    await edit(console, console.asked.first, "Other")

    await expect(console.asked).to_have_count(1)
    await expect(console.asked).to_contain_text("Sending …")
    await console.page.reload()
    await expect(console.asked).to_have_count(1)
    await expect(console.asked).to_contain_text("Sending …")
    is_lost = False
    await expect(console.asked).to_contain_text("2/2")


async def test_the_arrows_keep_the_focus_and_their_place(console: ConsolePage, service: LiveService) -> None:
    service.inference.say("\n\n".join(f"Paragraph {number}." for number in range(40)))
    await console.send("One")
    await expect(console.texts.get_by_text("Paragraph 39.")).to_be_in_viewport()
    for number in (2, 3):
        await edit(console, console.asked, f"Version {number}")
        await expect(console.asked).to_contain_text(f"{number}/3" if number == 3 else "2/2")
        await expect(console.texts.get_by_text("Paragraph 39.")).to_be_in_viewport()
    await button_of(console.asked, "Previous version").focus()

    await console.page.keyboard.press("Enter")
    await expect(console.asked).to_contain_text("2/3")
    await expect(button_of(console.asked, "Previous version")).to_be_focused()
    await console.page.keyboard.press("Enter")
    await expect(console.asked).to_contain_text("1/3")

    await expect(button_of(console.asked, "Next version")).to_be_focused()
    await expect(console.asked).to_be_in_viewport()


async def test_a_branch_is_shown_while_another_one_is_written(console: ConsolePage, service: LiveService) -> None:
    await console.send("One")
    await expect(console.texts).to_have_text(["Hello"])
    service.inference.play(*PAUSED)
    await console.button("Try again").click()
    await expect(console.texts).to_have_text(["Wait"])
    await button_of(console.replies, "Previous version").click()
    await expect(console.texts).to_have_text(["Hello"])

    await console.button("Show it").click()

    await expect(console.texts).to_have_text(["Wait"])
    await expect(console.page.get_by_text("A reply is being written in another version.")).to_have_count(0)
    service.inference.release()
    await expect(console.texts).to_have_text(["Wait for it"])
    await expect(console.page.get_by_role("alert")).to_have_count(0)


# -- Deletion --------------------------------------------------------------------------------------------------------


async def test_a_message_is_deleted_with_all_that_follows_after_a_question(console: ConsolePage) -> None:
    for count, text in enumerate(("One", "Two"), 1):
        await console.send(text)
        await expect(console.texts).to_have_text(["Hello"] * count)
    await console.asked.last.hover()
    await button_of(console.asked.last, "Delete this message").click()
    await expect(console.asked.last).to_contain_text("Delete this and all that follows?")
    await console.button("Keep it").click()
    await expect(button_of(console.asked.last, "Delete this message")).to_be_focused()
    await console.page.keyboard.press("Enter")
    await expect(console.button("Delete it")).to_be_focused()

    await console.page.keyboard.press("Enter")

    await expect(console.asked).to_have_count(1)
    await expect(console.texts).to_have_text(["Hello"])
    assert [message["content"] for message in await tree(console)] == ["One", "Hello"]


async def test_after_a_reply_was_deleted_another_one_can_be_had(console: ConsolePage, service: LiveService) -> None:
    await console.send("One")
    await expect(console.texts).to_have_text(["Hello"])
    await button_of(console.replies, "Delete this reply").click()
    await console.button("Delete it").click()
    await expect(console.replies).to_have_count(0)
    service.inference.say("Another")

    await console.asked.hover()
    await button_of(console.asked, "Try again").click()

    await expect(console.texts).to_have_text(["Another"])
    assert [message["content"] for message in await tree(console)] == ["One", "Another"]


async def test_the_last_version_that_is_left_is_shown_without_arrows(
    console: ConsolePage, service: LiveService
) -> None:
    await console.send("One")
    await expect(console.texts).to_have_text(["Hello"])
    service.inference.say("Another")
    await console.button("Try again").click()
    await expect(console.replies).to_contain_text("2/2")

    await button_of(console.replies, "Delete this reply").click()
    await console.button("Delete it").click()

    await expect(console.texts).to_have_text(["Hello"])
    await expect(console.page.get_by_role("group", name="Versions")).to_have_count(0)
