"""The built-in page: the list of conversations, its order and what the reader does to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Request, Route, expect

from tests.browser.console_page import ConsolePage, open_console
from tests.browser.watched_tab import Screen
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService
from tests.integration.faults.waiting import eventually

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


async def create(service: LiveService, title: str) -> str:
    """Creates a conversation; returns its path."""
    response = await service.client.post("/api/conversations", json={"title": title}, headers=ALICE)
    assert response.status_code == 201
    return str(response.headers["location"])


async def listed(service: LiveService) -> list[dict[str, Any]]:
    """Returns the conversations as the service lists them."""
    items: list[dict[str, Any]] = (await service.client.get("/api/conversations", headers=ALICE)).json()["items"]
    return items


def item(console: ConsolePage, title: str) -> Locator:
    """Returns the line of a conversation."""
    return console.page.get_by_role("navigation").get_by_role("listitem").filter(has_text=title)


async def press(console: ConsolePage, title: str, label: str) -> None:
    """Presses a button of a conversation."""
    await item(console, title).hover()
    await item(console, title).get_by_role("button", name=label, exact=True).click()


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
    await console.page.reload()
    await expect(console.titles).to_have_count(50)

    await console.titles.first.hover()
    for count in (100, 120):
        await console.page.mouse.wheel(0, 10_000)
        await expect(console.titles).to_have_count(count)

    await expect(console.titles.first).to_have_text("Number 119")
    await expect(console.titles.last).to_have_text("Number 0")
    await expect(console.button("Show older ones")).to_have_count(0)


# -- What the reader does --------------------------------------------------------------------------------------------


async def test_a_title_is_changed_in_place_or_left_as_it_is(console: ConsolePage, service: LiveService) -> None:
    await create(service, "A title")
    title = console.page.get_by_role("textbox", name="Title")

    await press(console, "A title", "Rename")
    await expect(title).to_be_focused()
    await expect(title).to_have_value("A title")
    await title.fill("Another")
    await title.press("Escape")
    await expect(console.titles).to_have_text(["A title"])
    await press(console, "A title", "Rename")
    await title.fill("   ")
    await title.press("Enter")
    await expect(console.titles).to_have_text(["A title"])
    await press(console, "A title", "Rename")
    await title.fill("  Better <b>x</b> 😀 ")
    await title.press("Enter")

    await expect(console.titles).to_have_text(["Better <b>x</b> 😀"])
    assert [conversation["title"] for conversation in await listed(service)] == ["Better <b>x</b> 😀"]


async def test_the_new_title_of_the_open_conversation_is_shown_above_it(
    console: ConsolePage, service: LiveService
) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    await press(console, "Hello", "Rename")
    await console.page.get_by_role("textbox", name="Title").fill("Greetings")
    await console.page.keyboard.press("Enter")

    await expect(console.page.get_by_role("heading", level=1)).to_have_text("Greetings")
    assert [conversation["title"] for conversation in await listed(service)] == ["Greetings"]


async def test_a_change_that_is_refused_is_said(console: ConsolePage, service: LiveService) -> None:
    await create(service, "A title")
    await expect(console.titles).to_have_text(["A title"])
    await console.page.route("**/api/conversations/*", lambda route: route.fulfill(status=500, json={"detail": "No."}))

    await press(console, "A title", "Pin")

    await expect(console.page.get_by_role("navigation").get_by_role("alert")).to_contain_text("No.")
    await expect(console.titles).to_have_text(["A title"])


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
    # What is begun now is no archived conversation.
    await console.button("New chat").click()
    await console.send("Another")
    await expect(console.asked).to_have_text(["Another"])
    await expect(console.titles).to_have_text(["Hello"])
    await console.button("Archive").click()

    await expect(console.titles).to_have_text(["Another"])


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

    async def are_left(*titles: str) -> bool:
        return [conversation["title"] for conversation in await listed(service)] == list(titles)

    await eventually(lambda: are_left("Three", "Two"), within=5, what="the first deletion is done")
    await eventually(lambda: are_left("Three"), within=30, what="the second deletion is done")
    await expect(console.button("Undo")).to_have_count(0)
    await expect(console.titles).to_have_text(["Three"])


async def test_a_deletion_that_fails_is_taken_back(console: ConsolePage, service: LiveService) -> None:
    await create(service, "A title")
    await expect(console.titles).to_have_text(["A title"])
    await console.page.route("**/api/conversations/*", lambda route: route.fulfill(status=500, json={"detail": "No."}))

    await press(console, "A title", "Delete")
    await expect(console.titles).to_have_count(0)

    await expect(console.page.get_by_role("navigation").get_by_role("alert")).to_contain_text("No.")
    await expect(console.titles).to_have_text(["A title"])
