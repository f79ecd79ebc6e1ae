"""A tab of a browser that records what a page must not do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

from attrs import define, field
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Route,
    ViewportSize,
    WebError,
)

_WIDE = 1280
_HEIGHT = 1000
_PATIENCE_MILLISECONDS = 20_000

_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy violation: ${event.effectiveDirective} ${event.blockedURI}`));
"""
#: What Chromium itself writes to the console about a response or a connection that fails. Many tests cause such
#: failures, and the page has to handle them.
_OF_THE_NETWORK = "Failed to load resource"


@define
class WatchedTab:
    """A tab without cookies, storage and cache."""

    page: Page
    #: The service's own origin, and others that the page may ask.
    origins: Sequence[str]
    #: Errors on the console, which include violations of the content security policy, and uncaught exceptions.
    errors: list[str] = field(factory=list)
    #: URLs on other hosts that the browser was asked to load. The requests were aborted.
    foreign_urls: list[str] = field(factory=list)

    @property
    def origin(self) -> str:
        """Returns the service's origin."""
        return self.origins[0]


@asynccontextmanager
async def open_tab(
    browser: Browser,
    *origins: str,
    width: int = _WIDE,
    scheme: Literal["light", "dark"] = "light",
    zone: str = "UTC",
) -> AsyncIterator[WatchedTab]:
    """Opens a tab; the caller loads a page.

    Args:
        browser: the browser.
        origins: the service's origin, and others that the page may ask.
        width: the width of the window in pixels.
        scheme: which colours the reader prefers.
        zone: the reader's time zone.
    """
    context = await browser.new_context(
        viewport=ViewportSize(width=width, height=_HEIGHT),
        service_workers="block",
        color_scheme=scheme,
        timezone_id=zone,
    )
    try:
        context.set_default_timeout(_PATIENCE_MILLISECONDS)
        tab = WatchedTab(await context.new_page(), origins)
        await _record(tab, context)
        yield tab
    finally:
        await context.close()


async def _record(tab: WatchedTab, context: BrowserContext) -> None:
    async def keep_at_home(route: Route) -> None:
        if any(route.request.url.startswith(f"{origin}/") for origin in tab.origins):
            await route.continue_()
        else:
            tab.foreign_urls.append(route.request.url)
            await route.abort()

    def record_message(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_OF_THE_NETWORK):
            tab.errors.append(message.text)

    def record_exception(exception: WebError) -> None:
        tab.errors.append(str(exception.error))

    await context.route("**/*", keep_at_home)
    await context.add_init_script(_REPORT_VIOLATIONS)
    # Those of the other tabs of the browser count as well.
    context.on("console", record_message)
    context.on("weberror", record_exception)
