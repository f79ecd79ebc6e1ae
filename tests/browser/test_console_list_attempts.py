"""The built-in page: what the reader is told of changes and deletions that do not succeed at once."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Locator, Request, Route, expect

from tests.browser.console_list import action, create_all, item, listed, press
from tests.browser.console_page import ConsolePage
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService
from tests.integration.faults.waiting import eventually

UNREACHABLE = "The service cannot be reached."


def alert(console: ConsolePage) -> Locator:
    """Returns what the reader is told."""
    return console.page.get_by_role("alert")


async def refuse(console: ConsolePage) -> None:
    """Has all that is asked of a conversation refused."""
    await console.page.route("**/api/conversations/*", lambda route: route.fulfill(status=500, json={"detail": "No."}))


async def admit(console: ConsolePage) -> None:
    """Ends the refusing."""
    await console.page.unroute("**/api/conversations/*")


async def test_a_change_that_is_refused_is_said_until_it_succeeds(console: ConsolePage) -> None:
    await create_all(console, "One", "Two")
    await refuse(console)

    await press(console, "One", "Pin")
    await expect(alert(console)).to_contain_text("No.")
    await expect(console.titles).to_have_text(["Two", "One"])
    await admit(console)
    await console.button("Try again").click()

    await expect(action(console, "One", "Unpin")).to_have_count(1)
    await expect(console.titles).to_have_text(["One", "Two"])
    await expect(alert(console)).to_have_count(0)


async def test_all_that_was_refused_is_attempted_again(console: ConsolePage, service: LiveService) -> None:
    await create_all(console, "One", "Two")
    await refuse(console)
    for title in ("First", "Better"):
        await press(console, "One", "Rename")
        await console.page.get_by_role("textbox", name="Title").fill(title)
        async with console.page.expect_response("**/api/conversations/*"):
            await console.page.keyboard.press("Enter")
    async with console.page.expect_response("**/api/conversations/*"):
        await press(console, "Two", "Archive")
    await expect(alert(console)).to_contain_text("No.")
    await admit(console)
    await console.button("Try again").click()

    await expect(console.titles).to_have_text(["Better"])
    assert [conversation["title"] for conversation in await listed(service)] == ["Better"]


async def test_a_problem_is_seen_wherever_the_list_is_scrolled_to_and_while_one_searches(
    console: ConsolePage,
) -> None:
    await create_all(console, *(f"Number {number}" for number in range(40)))
    await refuse(console)

    await press(console, "Number 39", "Pin")
    await expect(alert(console)).to_be_in_viewport(ratio=1)
    await console.page.get_by_role("searchbox").fill("Number")
    await expect(console.page.locator(".results")).to_be_visible()

    await expect(alert(console)).to_be_in_viewport(ratio=1)


async def test_a_change_without_a_connection_is_done_when_the_connection_is_back(
    console: ConsolePage, service: LiveService
) -> None:
    await create_all(console, "One", "Two")
    await console.page.context.set_offline(True)
    await press(console, "One", "Pin")
    await expect(console.page.locator(".list-notes").get_by_text("The connection was lost. Waiting …")).to_be_visible()

    await console.page.context.set_offline(False)

    await expect(action(console, "One", "Unpin")).to_have_count(1)
    await expect(console.page.locator(".list-notes").get_by_text("The connection was lost. Waiting …")).to_have_count(0)
    await expect(alert(console)).to_have_count(0)
    pinned = (await service.client.get("/api/conversations", headers=ALICE)).json()["pinned"]
    assert [conversation["title"] for conversation in pinned] == ["One"]


@pytest.mark.parametrize("label", ["Archive", "Delete"])
async def test_what_was_given_up_without_a_connection_is_done_when_the_connection_is_back(
    console: ConsolePage, service: LiveService, label: str
) -> None:
    await create_all(console, "One", "Two")
    await console.hurry()
    await console.page.context.set_offline(True)
    await press(console, "One", label)
    await expect(alert(console)).to_contain_text(UNREACHABLE, timeout=60_000)
    await expect(console.titles).to_have_text(["Two", "One"])

    await console.page.context.set_offline(False)

    await expect(console.titles).to_have_text(["Two"])
    await expect(alert(console)).to_have_count(0)

    async def is_left() -> bool:
        return [conversation["title"] for conversation in await listed(service)] == ["Two"]

    await eventually(is_left, within=10, what="the conversation has left the list")


async def test_of_two_changes_the_later_one_is_done_later(console: ConsolePage, service: LiveService) -> None:
    await create_all(console, "One")
    have_both = asyncio.Event()
    asked: list[object] = []

    async def lose_the_first(route: Route, request: Request) -> None:
        asked.append(request.post_data_json)
        if len(asked) == 1:
            await have_both.wait()
            await route.abort()
        else:
            await route.continue_()

    await console.page.route("**/api/conversations/*", lose_the_first)
    for title in ("First", "Better"):
        await press(console, "One", "Rename")
        await console.page.get_by_role("textbox", name="Title").fill(title)
        await console.page.keyboard.press("Enter")
        await expect(item(console, "One")).to_be_visible()
    have_both.set()

    await expect(console.titles).to_have_text(["Better"])
    assert asked == [{"title": "First"}, {"title": "First"}, {"title": "Better"}]
    assert [conversation["title"] for conversation in await listed(service)] == ["Better"]


async def test_a_deletion_that_fails_is_taken_back_until_it_succeeds(
    console: ConsolePage, service: LiveService
) -> None:
    await create_all(console, "One", "Two")
    await refuse(console)

    await press(console, "One", "Delete")
    await expect(console.titles).to_have_text(["Two"])
    await expect(alert(console)).to_contain_text("No.")
    await expect(console.titles).to_have_text(["Two", "One"])
    await admit(console)
    await console.button("Try again").click()

    await expect(console.titles).to_have_text(["Two"])
    await expect(alert(console)).to_have_count(0)
    assert [conversation["title"] for conversation in await listed(service)] == ["Two"]


async def reload_in_vain(console: ConsolePage, pattern: str) -> None:
    """Loads the page again while the service fails at what matches, until the reader is told; it answers then."""
    await console.page.route(pattern, lambda route: route.fulfill(status=500, json={"detail": "No."}))
    await console.page.reload()
    await expect(alert(console)).to_contain_text("No.")
    await console.page.unroute(pattern)


async def test_a_list_that_cannot_be_loaded_is_not_said_to_be_empty(console: ConsolePage) -> None:
    await reload_in_vain(console, "**/api/conversations?*")
    await expect(console.page.get_by_text("Your conversations will be listed here.")).to_have_count(0)

    await console.button("Try again").click()

    await expect(console.page.get_by_text("Your conversations will be listed here.")).to_be_visible()
    await expect(alert(console)).to_have_count(0)


async def test_a_feed_that_cannot_begin_can_be_attempted_again(console: ConsolePage) -> None:
    await reload_in_vain(console, "**/api/changes*")
    await expect(console.page.get_by_text("Loading …")).to_have_count(0)

    await console.button("Try again").click()

    await expect(alert(console)).to_have_count(0)
    await create_all(console, "One", "Two")


async def test_that_a_dialog_could_not_be_loaded_is_said_until_it_is(console: ConsolePage) -> None:
    await console.page.route("**/panels/settings.js", lambda route: route.fulfill(status=500))
    await console.button("Settings").click()
    await expect(alert(console)).to_have_text("This part of the page could not be loaded.")
    await expect(console.button("Try again")).to_have_count(0)

    await console.page.unroute("**/panels/settings.js")
    await console.button("Settings").click()

    await expect(console.page.get_by_role("dialog", name="Settings")).to_be_visible()
    await expect(alert(console)).to_have_count(0)
