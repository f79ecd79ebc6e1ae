"""Fixtures: the running service, a browser, and the pages in it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from tests.browser.chromium import started_chromium
from tests.browser.console_page import ConsolePage, open_console
from tests.browser.docs_page import DocsPage, open_docs_page
from tests.integration.entrypoints.chatcore_service.http_server import LiveService, live_service

# Several times what a loaded machine takes; playwright's own limit of 5 s is not.
expect.set_options(timeout=20_000)


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    """Provides the service on adapters in memory and a real socket."""
    async with live_service() as service:
        yield service


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Provides Chromium with a fresh profile."""
    async with started_chromium() as browser:
        yield browser


@pytest.fixture
async def docs(browser: Browser, service: LiveService) -> AsyncIterator[DocsPage]:
    """Provides the docs page of the service, not loaded yet."""
    async with open_docs_page(browser, service) as docs:
        yield docs


@pytest.fixture
async def console(browser: Browser, service: LiveService) -> AsyncIterator[ConsolePage]:
    """Provides the built-in page, whose reader has signed in."""
    async with open_console(browser, service) as console:
        await console.sign_in()
        yield console
