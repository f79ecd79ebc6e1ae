"""What the tests of the built-in page's list do with its conversations, through the service and on the page."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Locator, expect

from tests.browser.console_page import ConsolePage
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService


async def create(service: LiveService, title: str) -> str:
    """Creates a conversation; returns its path."""
    response = await service.client.post("/api/conversations", json={"title": title}, headers=ALICE)
    assert response.status_code == 201
    return str(response.headers["location"])


async def create_all(console: ConsolePage, *titles: str) -> None:
    """Creates conversations, the last one at the top of the list, and waits until they are listed."""
    for title in titles:
        await create(console.service, title)
    await expect(console.titles).to_have_text(list(reversed(titles)))


async def listed(service: LiveService) -> list[dict[str, Any]]:
    """Returns the conversations as the service lists them."""
    page = (await service.client.get("/api/conversations", headers=ALICE)).json()
    items: list[dict[str, Any]] = page["items"]
    return items


def item(console: ConsolePage, title: str) -> Locator:
    """Returns the line of a conversation."""
    return console.page.get_by_role("navigation").get_by_role("listitem").filter(has_text=title)


def action(console: ConsolePage, title: str, label: str) -> Locator:
    """Returns a button of a conversation."""
    return item(console, title).get_by_role("button", name=label, exact=True)


async def press(console: ConsolePage, title: str, label: str) -> None:
    """Presses a button of a conversation with the mouse."""
    await item(console, title).hover()
    await action(console, title, label).click()


async def press_key(console: ConsolePage, title: str, label: str) -> None:
    """Presses a button of a conversation with the keyboard."""
    await item(console, title).get_by_role("link").focus()
    await action(console, title, label).focus()
    await console.page.keyboard.press("Enter")
