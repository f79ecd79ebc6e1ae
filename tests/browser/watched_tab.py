"""A tab of a browser that records what a page must not do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

from attrs import define, field, frozen
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    WebError,
)

_PATIENCE_MILLISECONDS = 20_000

_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy violation: ${event.effectiveDirective} ${event.blockedURI}`));
"""
#: What Chromium itself writes to the console about a response or a connection that fails. Many tests cause such
#: failures, and the page has to handle them.
_OF_THE_NETWORK = "Failed to load resource"


@frozen(kw_only=True)
class Screen:
    """What a page is shown on, and what its reader prefers."""

    #: Both in pixels of CSS.
    width: int = 1280
    height: int = 1000
    scheme: Literal["light", "dark"] = "light"
    #: Whether there are fingers in place of a mouse.
    is_touched: bool = False
    #: How many pixels a pixel of CSS has on each side.
    scale: int = 1
    motion: Literal["no-preference", "reduce"] = "no-preference"
    #: The reader's time zone.
    zone: str = "UTC"


PHONE = Screen(width=360, height=740, is_touched=True)


@define
class WatchedTab:
    """A tab without cookies and storage, and with an empty cache."""

    page: Page
    #: The service's own origin, and others that the page may ask.
    origins: Sequence[str]
    #: Errors on the console, which include violations of the content security policy, and uncaught exceptions.
    errors: list[str] = field(factory=list)
    #: URLs elsewhere that the browser was asked to load. It finds no other host.
    foreign_urls: list[str] = field(factory=list)

    @property
    def origin(self) -> str:
        """Returns the service's origin."""
        return self.origins[0]


@asynccontextmanager
async def open_tab(
    browser: Browser,
    *origins: str,
    screen: Screen = Screen(),
) -> AsyncIterator[WatchedTab]:
    """Opens a tab; the caller loads a page.

    Args:
        browser: the browser.
        origins: the service's origin, and others that the page may ask.
        screen: what the tab is shown on.
    """
    context = await browser.new_context(
        viewport=ViewportSize(width=screen.width, height=screen.height),
        service_workers="block",
        color_scheme=screen.scheme,
        reduced_motion=screen.motion,
        timezone_id=screen.zone,
        has_touch=screen.is_touched,
        is_mobile=screen.is_touched,
        device_scale_factor=screen.scale,
    )
    try:
        context.set_default_timeout(_PATIENCE_MILLISECONDS)
        tab = WatchedTab(await context.new_page(), origins)
        await _record(tab, context)
        yield tab
    finally:
        await context.close()


async def _record(tab: WatchedTab, context: BrowserContext) -> None:
    def record_request(request: Request) -> None:
        if not any(request.url.startswith(f"{origin}/") for origin in tab.origins):
            tab.foreign_urls.append(request.url)

    def record_message(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_OF_THE_NETWORK):
            tab.errors.append(message.text)

    def record_exception(exception: WebError) -> None:
        tab.errors.append(str(exception.error))

    await context.add_init_script(_REPORT_VIOLATIONS)
    # Those of the other tabs of the browser count as well.
    context.on("request", record_request)
    context.on("console", record_message)
    context.on("weberror", record_exception)
