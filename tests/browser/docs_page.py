"""The docs page in a browser that records what the page must not do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attrs import define, field
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Route,
    ViewportSize,
    expect,
)

from chatcore_service.http import paths
from tests.integration.entrypoints.chatcore_service.http_server import LiveService

_WIDE = 1280
_HEIGHT = 1000
_PATIENCE_MILLISECONDS = 20_000

_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy violation: ${event.effectiveDirective} ${event.blockedURI}`));
"""


@define
class DocsPage:
    """Drives the docs page."""

    page: Page
    origin: str
    #: Errors on the console, which include violations of the content security policy, and uncaught exceptions.
    errors: list[str] = field(factory=list)
    #: URLs on other hosts that the browser was asked to load. The requests were aborted.
    foreign_urls: list[str] = field(factory=list)

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
        await self.page.goto(f"{self.origin}{paths.DOCS}" + (f"#?route={route}" if route else ""))

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
async def open_docs_page(browser: Browser, service: LiveService, *, width: int = _WIDE) -> AsyncIterator[DocsPage]:
    """Opens a tab without cookies, storage and cache; the caller loads the page."""
    viewport = ViewportSize(width=width, height=_HEIGHT)
    context = await browser.new_context(viewport=viewport, service_workers="block")
    try:
        context.set_default_timeout(_PATIENCE_MILLISECONDS)
        docs = DocsPage(await context.new_page(), f"http://127.0.0.1:{service.port}")
        await _record(docs, context)
        yield docs
    finally:
        await context.close()


async def _record(docs: DocsPage, context: BrowserContext) -> None:
    async def keep_at_home(route: Route) -> None:
        if route.request.url.startswith(f"{docs.origin}/"):
            await route.continue_()
        else:
            docs.foreign_urls.append(route.request.url)
            await route.abort()

    def record_message(message: ConsoleMessage) -> None:
        if message.type == "error":
            docs.errors.append(message.text)

    def record_exception(error: Error) -> None:
        docs.errors.append(str(error))

    await context.route("**/*", keep_at_home)
    await context.add_init_script(_REPORT_VIOLATIONS)
    docs.page.on("console", record_message)
    docs.page.on("pageerror", record_exception)
