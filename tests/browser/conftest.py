"""Fixtures: the running service, a browser, and the pages in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.chromium import SHELL, started_chromium
from tests.browser.console_page import ConsolePage, open_console
from tests.browser.docs_page import DocsPage, open_docs_page
from tests.integration.entrypoints.chatcore_service.http_server import LiveService, live_service

# Several times what a loaded machine takes; playwright's own limit of 5 s is not.
expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Runs all tests in one event loop, since they share a browser."""
    for item in items:
        item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(loop_scope="session")
async def service() -> AsyncIterator[LiveService]:
    """Provides the service on adapters in memory and a real socket."""
    async with live_service() as service:
        yield service


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Provides Chromium. It takes seconds to start, and each test opens its tabs in a context of its own."""
    async with started_chromium(SHELL) as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def whole_browser() -> AsyncIterator[Browser]:
    """Provides the whole Chromium, as readers have it; `browser` may be the shell of its engine."""
    async with started_chromium() as whole:
        yield whole


@pytest_asyncio.fixture(loop_scope="session")
async def docs(browser: Browser, service: LiveService) -> AsyncIterator[DocsPage]:
    """Provides the docs page of the service, not loaded yet."""
    async with open_docs_page(browser, service) as docs:
        yield docs


@pytest_asyncio.fixture(loop_scope="session")
async def console(browser: Browser, service: LiveService) -> AsyncIterator[ConsolePage]:
    """Provides the built-in page, whose reader has signed in."""
    async with open_console(browser, service) as console:
        await console.sign_in()
        yield console
