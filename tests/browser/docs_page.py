"""The docs page in a browser that records what the page must not do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attrs import frozen
from playwright.async_api import Browser, Locator, Page, expect

from chatcore_service.http import paths
from tests.browser.watched_tab import Screen, WatchedTab, open_tab
from tests.integration.entrypoints.chatcore_service.http_server import LiveService


@frozen
class DocsPage:
    """Drives the docs page."""

    tab: WatchedTab

    @property
    def page(self) -> Page:
        """Returns the page."""
        return self.tab.page

    @property
    def errors(self) -> list[str]:
        """Returns what the tab has recorded as errors."""
        return self.tab.errors

    @property
    def foreign_urls(self) -> list[str]:
        """Returns the URLs on other hosts that the browser was asked to load."""
        return self.tab.foreign_urls

    @property
    def operation_links(self) -> Locator:
        """Returns the links of the side bar that open an operation."""
        return self.page.locator(".nav-bar-path[role=link]")

    @property
    def operation(self) -> Locator:
        """Returns the part of the page that describes the open operation."""
        return self.page.locator("[part~=section-operation]")

    async def load(self, route: str = "") -> None:
        """Loads the page, at a route if one is given; the caller waits for what the script then draws."""
        await self.page.goto(f"{self.tab.origin}{paths.DOCS}" + (f"#?route={route}" if route else ""))

    async def load_with_token(self, token: str) -> None:
        """Loads the page and makes it send this bearer token with its requests."""
        await self.load("auth")
        await self.page.get_by_placeholder("api-token").fill(token)
        await self.page.get_by_role("button", name="SET", exact=True).click()

    async def open_operation(self, route: str, summary: str) -> None:
        """Opens an operation by its link in the side bar."""
        await self.page.locator(f"[id='link-{route}']").click()
        await expect(self.operation.get_by_role("heading", level=2)).to_have_text(summary)

    async def execute(self, *, body: str, **parameters: str) -> None:
        """Sends the request of the open operation and waits for the response."""
        for name, value in parameters.items():
            await self.operation.locator(f"input[data-pname={name}]").fill(value)
        await self.operation.get_by_role("button", name="BODY", exact=True).click()
        await self.operation.locator("textarea").first.fill(body)
        await self.operation.get_by_role("button", name="EXECUTE").click()
        await expect(self.operation.get_by_text("Response Status")).to_be_visible()


def route_of(method: str, path: str) -> str:
    """Returns the route of an operation, as a deep link to it contains it."""
    return f"{method}-{path.replace('{', '-').replace('}', '-')}"


@asynccontextmanager
async def open_docs_page(browser: Browser, service: LiveService, *, width: int = 1280) -> AsyncIterator[DocsPage]:
    """Opens a tab without cookies, storage and cache; the caller loads the page."""
    async with open_tab(browser, f"http://127.0.0.1:{service.port}", screen=Screen(width=width)) as tab:
        yield DocsPage(tab)
