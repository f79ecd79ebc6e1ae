"""The built-in page: where the focus is after what the reader does in the list."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from tests.browser.console_list import action, create, create_all, item, press, press_key
from tests.browser.console_page import ConsolePage
from tests.integration.entrypoints.chatcore_service.http_server import LiveService

HANDS = {"mouse": press, "keyboard": press_key}


def link(console: ConsolePage, title: str) -> Locator:
    """Returns the link to a conversation."""
    return item(console, title).get_by_role("link")


@pytest.mark.parametrize("key", ["Enter", "Escape"])
async def test_after_renaming_the_focus_is_at_the_conversation(console: ConsolePage, key: str) -> None:
    await create_all(console, "One", "Two", "Three")
    await press_key(console, "Two", "Rename")
    await console.page.get_by_role("textbox", name="Title").fill("Two words")

    await console.page.keyboard.press(key)

    await expect(console.page.get_by_role("textbox", name="Title")).to_have_count(0)
    await expect(link(console, "Two")).to_be_focused()
    await expect(link(console, "Two")).to_have_text("Two words" if key == "Enter" else "Two")


@pytest.mark.parametrize("hand", HANDS)
async def test_the_focus_follows_a_conversation_that_is_pinned_and_unpinned(console: ConsolePage, hand: str) -> None:
    await create_all(console, "One", "Two", "Three")

    await HANDS[hand](console, "One", "Pin")
    await expect(console.titles).to_have_text(["One", "Three", "Two"])
    await expect(action(console, "One", "Unpin")).to_be_focused()
    await HANDS[hand](console, "One", "Unpin")

    await expect(console.titles).to_have_text(["Three", "Two", "One"])
    await expect(action(console, "One", "Pin")).to_be_focused()


@pytest.mark.parametrize("hand", HANDS)
async def test_after_archiving_the_focus_is_at_the_next_conversation(console: ConsolePage, hand: str) -> None:
    await create_all(console, "One", "Two", "Three")

    await HANDS[hand](console, "Two", "Archive")
    await expect(console.titles).to_have_text(["Three", "One"])
    await expect(link(console, "One")).to_be_focused()
    # After the last one, it is at the one before, and finally beside the list.
    await HANDS[hand](console, "One", "Archive")
    await expect(console.titles).to_have_text(["Three"])
    await expect(link(console, "Three")).to_be_focused()
    await HANDS[hand](console, "Three", "Archive")

    await expect(console.titles).to_have_count(0)
    await expect(console.button("New chat")).to_be_focused()


async def test_with_a_keyboard_the_focus_goes_to_undo_and_back(console: ConsolePage) -> None:
    await create_all(console, "One", "Two", "Three")

    await press_key(console, "Two", "Delete")
    await expect(console.button("Undo")).to_be_focused()
    await expect(console.button("Undo")).to_have_accessible_description("Deleted.")
    await console.page.keyboard.press("Enter")
    await expect(console.titles).to_have_text(["Three", "Two", "One"])
    await expect(link(console, "Two")).to_be_focused()

    await press_key(console, "Two", "Delete")
    await expect(console.button("Undo")).to_be_focused()
    await console.page.keyboard.press("Escape")
    await expect(console.button("Undo")).to_have_count(0)
    await expect(link(console, "One")).to_be_focused()


async def test_with_a_mouse_the_focus_stays_in_the_list(console: ConsolePage) -> None:
    await create_all(console, "One", "Two", "Three")

    await press(console, "Two", "Delete")
    await expect(console.titles).to_have_text(["Three", "One"])
    await expect(link(console, "One")).to_be_focused()
    await console.button("Undo").click()

    await expect(console.titles).to_have_text(["Three", "Two", "One"])
    await expect(link(console, "Two")).to_be_focused()


async def test_the_field_keeps_the_focus_when_a_change_is_done_later(console: ConsolePage) -> None:
    await create_all(console, "One", "Two")
    await console.page.context.set_offline(True)
    await press(console, "Two", "Archive")
    await expect(console.page.locator(".list-notes").get_by_text("The connection was lost. Waiting …")).to_be_visible()
    await console.field.click()

    await console.page.context.set_offline(False)

    await expect(console.titles).to_have_text(["One"])
    await expect(console.field).to_be_focused()


async def test_the_focus_follows_a_conversation_that_others_move(console: ConsolePage, service: LiveService) -> None:
    await create_all(console, "One", "Two", "Three")
    await link(console, "Three").focus()
    await action(console, "Three", "Rename").focus()

    for title in ("Four", "Five"):
        await create(service, title)

    await expect(console.titles).to_have_text(["Five", "Four", "Three", "Two", "One"])
    await expect(action(console, "Three", "Rename")).to_be_focused()


async def test_after_the_button_that_loads_more_the_focus_is_in_the_list(
    console: ConsolePage, service: LiveService
) -> None:
    for number in range(60):
        await create(service, f"Number {number}")
    # After that, the feed of the page that is loaded again has nothing to add.
    await expect(console.titles).to_have_count(60)
    await console.page.reload()
    await expect(console.titles).to_have_count(50)

    # The list loads more as the button comes into view, and the button goes away.
    await console.button("Show older ones").focus()

    await expect(console.titles).to_have_count(60)
    await expect(link(console, "Number 10")).to_be_focused()


async def test_after_another_attempt_the_focus_is_in_the_list(console: ConsolePage) -> None:
    await create_all(console, "One", "Two")
    await console.page.route("**/api/conversations/*", lambda route: route.fulfill(status=500, json={"detail": "No."}))
    await press_key(console, "One", "Archive")
    await expect(console.button("Try again")).to_be_visible()
    await console.page.unroute("**/api/conversations/*")

    await console.button("Try again").focus()
    await console.page.keyboard.press("Enter")

    await expect(console.titles).to_have_text(["Two"])
    await expect(link(console, "Two")).to_be_focused()
