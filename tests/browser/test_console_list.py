"""The built-in page: the list of conversations, its order and what the reader does to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial

import pytest
from playwright.async_api import Browser, Request, Route, expect

from tests.browser.console_list import create, create_all, listed, press
from tests.browser.console_page import ConsolePage, open_console
from tests.browser.watched_tab import PHONE, Screen
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService
from tests.integration.faults.waiting import eventually

#: How long the reader can undo a deletion.
UNDO_MILLISECONDS = 6_000
#: At that moment, it is 4 o'clock in the morning of the same day in Los Angeles, and 1 o'clock of the next in Auckland.
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TIMES = {
    "This morning": "2026-11-22T10:00:00Z",
    "Before": "2026-11-22T07:00:00Z",
    "Days ago": "2026-11-18T12:00:00Z",
    # The clocks of Los Angeles went back between this day and now, and those of Auckland went forward before it.
    "Weeks ago": "2026-10-25T12:00:00Z",
    "Long ago": "2025-01-15T12:00:00Z",
    "Pinned long ago": "2024-05-01T12:00:00Z",
}


# -- The order -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "this_morning"), [("America/Los_Angeles", "Today"), ("Pacific/Auckland", "Yesterday"), ("UTC", "Today")]
)
async def test_conversations_are_grouped_by_the_days_of_the_reader(
    browser: Browser, service: LiveService, zone: str, this_morning: str
) -> None:
    for title in TIMES:
        path = await create(service, title)
        if title.startswith("Pinned"):
            await service.client.patch(path, json={"is_pinned": True}, headers=ALICE)

    async def as_of_other_times(route: Route, _request: Request) -> None:
        page = await (response := await route.fetch()).json()
        for conversation in [*page["items"], *page["pinned"]]:
            conversation["updated_at"] = TIMES[conversation["title"]]
        await route.fulfill(response=response, body=json.dumps(page))

    async with open_console(browser, service, screen=Screen(zone=zone)) as console:
        await console.page.clock.set_fixed_time(NOW)
        await console.page.route("**/api/conversations?*", as_of_other_times)
        await console.sign_in()

        before = "Yesterday" if zone != "UTC" else "Today"
        headings = ["Pinned", *dict.fromkeys([this_morning, before]), "Last 7 days", "Last 30 days", "January 2025"]
        await expect(console.page.get_by_role("navigation").get_by_role("heading")).to_have_text(headings)
        await expect(console.titles).to_have_text(["Pinned long ago", *list(TIMES)[:-1]])


async def test_more_is_loaded_as_one_scrolls(console: ConsolePage, service: LiveService) -> None:
    for number in range(120):
        await create(service, f"Number {number}")
    # After that, the feed of the page that is loaded again has nothing to add.
    await expect(console.titles).to_have_count(120)
    await console.page.reload()
    await expect(console.titles).to_have_count(50)

    async def scroll_to_the_end() -> bool:
        await console.page.mouse.wheel(0, 10_000)
        count: int = await console.titles.count()
        return count == 120

    await console.titles.first.hover()
    await eventually(scroll_to_the_end, within=20, what="all are listed")

    await expect(console.titles.first).to_have_text("Number 119")
    await expect(console.titles.last).to_have_text("Number 0")
    await expect(console.button("Show older ones")).to_have_count(0)


# -- What the reader does --------------------------------------------------------------------------------------------


async def test_an_archived_conversation_can_be_read_in_the_archive(console: ConsolePage) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    await press(console, "Hello", "Archive")
    await expect(console.titles).to_have_count(0)
    await console.button("New chat").click()

    await console.button("Archive").click()
    await expect(console.button("Archive")).to_have_attribute("aria-pressed", "true")
    await console.titles.click()
    await expect(console.asked).to_have_text(["Hello"])
    # What is begun now is no archived conversation, so the others are listed.
    await console.button("New chat").click()
    await console.send("Another")
    await expect(console.asked).to_have_text(["Another"])
    await expect(console.titles).to_have_text(["Another"])
    await expect(console.button("Archive")).to_have_attribute("aria-pressed", "false")


async def test_a_deletion_that_is_undone_opens_the_conversation_again(
    console: ConsolePage, service: LiveService
) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    await press(console, "Hello", "Delete")
    await expect(console.asked).to_have_count(0)
    await expect(console.titles).to_have_count(0)

    await console.button("Undo").click()

    await expect(console.asked).to_have_text(["Hello"])
    await expect(console.titles).to_have_text(["Hello"])
    assert len(await listed(service)) == 1


async def test_a_deletion_is_done_after_a_while_or_with_the_next_one(
    console: ConsolePage, service: LiveService
) -> None:
    for title in ("One", "Two", "Three"):
        await create(service, title)
    await expect(console.titles).to_have_count(3)

    await press(console, "One", "Delete")
    await press(console, "Two", "Delete")

    await eventually(partial(_has_titles, service, "Three", "Two"), within=5, what="the first deletion is done")
    await eventually(partial(_has_titles, service, "Three"), within=30, what="the second deletion is done")
    await expect(console.button("Undo")).to_have_count(0)
    await expect(console.titles).to_have_text(["Three"])


async def test_a_list_is_not_empty_while_a_deletion_can_be_undone(console: ConsolePage) -> None:
    await create_all(console, "One")
    empty = console.page.get_by_text("Your conversations will be listed here.")

    await press(console, "One", "Delete")

    await expect(console.button("Undo")).to_be_visible()
    await expect(console.titles).to_have_count(0)
    await expect(empty).to_have_count(0)
    await expect(empty).to_be_visible()


@pytest.mark.parametrize("screen", [Screen(height=800), PHONE], ids=["wide", "phone"])
async def test_the_note_about_a_deletion_covers_nothing(browser: Browser, service: LiveService, screen: Screen) -> None:
    async with open_console(browser, service, screen=screen) as console:
        await console.sign_in()
        await console.send("Hello")
        await expect(console.texts).to_have_text(["Hello"])
        if screen is PHONE:
            await console.button("Conversations").tap()
            await console.button("More").tap()
            await console.button("Delete").tap()
        else:
            await press(console, "Hello", "Delete")
        await expect(console.page.get_by_role("heading", level=1)).to_have_text("New chat")
        await expect(console.button("Undo")).to_be_in_viewport()

        note = await console.page.locator(".list-notes").bounding_box()
        chat = await console.page.get_by_role("main").bounding_box()
        assert note is not None
        assert chat is not None
        assert note["height"] > 0
        if screen is PHONE:
            assert note["y"] >= chat["y"] + chat["height"]
        else:
            assert note["x"] + note["width"] <= chat["x"]
        # The reader who uses a keyboard finds it next to the field.
        await console.field.focus()
        await console.page.keyboard.press("Tab")
        await expect(console.button("Undo")).to_be_focused()
        await expect(console.button("Undo")).to_be_in_viewport(ratio=1)


async def test_a_deletion_can_be_undone_as_long_as_the_pointer_is_at_the_note(
    console: ConsolePage, service: LiveService
) -> None:
    await create_all(console, "One", "Two")
    await console.page.clock.install()
    await press(console, "One", "Delete")
    await console.button("Undo").hover()

    await console.page.clock.run_for(UNDO_MILLISECONDS * 3)
    await expect(console.button("Undo")).to_be_visible()
    assert len(await listed(service)) == 2
    await console.field.hover()
    await console.page.clock.run_for(UNDO_MILLISECONDS)

    await expect(console.button("Undo")).to_have_count(0)
    await eventually(partial(_has_titles, service, "Two"), within=10, what="the conversation is deleted")


async def test_a_deletion_is_done_when_the_reader_signs_out(console: ConsolePage, service: LiveService) -> None:
    await create_all(console, "One", "Two")
    await press(console, "One", "Delete")
    await expect(console.titles).to_have_text(["Two"])

    await console.button("Sign out").click()

    await expect(console.page.get_by_label("Token")).to_be_visible()
    await eventually(partial(_has_titles, service, "Two"), within=5, what="the conversation is deleted")


async def _has_titles(service: LiveService, *titles: str) -> bool:
    return [conversation["title"] for conversation in await listed(service)] == list(titles)


async def test_a_conversation_is_renamed_and_pinned(console: ConsolePage, service: LiveService) -> None:
    await console.send("The older one")
    await expect(console.texts).to_have_text(["Hello"])
    await console.button("New chat").click()
    await console.send("The newer one")
    await expect(console.titles).to_have_text(["The newer one", "The older one"])

    await console.titles.last.hover()
    await console.button("Pin").last.click()
    await expect(console.titles).to_have_text(["The older one", "The newer one"])
    await console.titles.first.hover()
    await console.button("Rename").first.click()
    await console.page.get_by_label("Title").fill("Renamed")
    await console.page.keyboard.press("Enter")

    await expect(console.titles).to_have_text(["Renamed", "The newer one"])
    listed = (await service.client.get("/api/conversations", headers=ALICE)).json()["items"]
    assert {(item["title"], item["is_pinned"]) for item in listed} == {("Renamed", True), ("The newer one", False)}


async def test_a_conversation_is_archived_and_taken_out_again(console: ConsolePage) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])

    await console.titles.first.hover()
    await console.page.get_by_role("listitem").get_by_role("button", name="Archive").click()
    await expect(console.titles).to_have_count(0)
    await console.button("Archive").click()
    await expect(console.titles).to_have_text(["Hello"])
    await console.titles.first.hover()
    await console.button("Take out of the archive").click()
    await expect(console.page.get_by_text("The archive is empty.")).to_be_visible()
    await console.button("Archive").click()

    await expect(console.titles).to_have_text(["Hello"])


async def test_a_deletion_can_be_undone_and_is_done_otherwise(console: ConsolePage, service: LiveService) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    await console.titles.first.hover()
    await console.button("Delete").click()
    await expect(console.titles).to_have_count(0)

    await console.button("Undo").click()
    await expect(console.titles).to_have_count(1)
    await console.titles.first.hover()
    await console.button("Delete").click()
    # Leaving the page ends the time for second thoughts.
    await console.page.reload()

    async def is_deleted() -> bool:
        return not (await service.client.get("/api/conversations", headers=ALICE)).json()["items"]

    await eventually(is_deleted, within=10, what="the conversation is deleted")
    await expect(console.titles).to_have_count(0)
