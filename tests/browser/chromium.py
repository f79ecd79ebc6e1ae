"""Finds the Chromium of this machine and starts it."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

#: Debian's path, then the names under which other systems have it on PATH.
PROGRAMS = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")

_OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def find_chromium() -> str:
    """Returns the path of the first program that exists; fails the test if there is none."""
    for program in PROGRAMS:
        if path := shutil.which(program):
            return path
    pytest.fail(f"No browser was found. The browser tests need one of: {', '.join(PROGRAMS)}.", pytrace=False)


@asynccontextmanager
async def started_chromium(environment: Mapping[str, str] | None = None) -> AsyncIterator[Browser]:
    """Runs Chromium without a window and with a fresh profile for the duration of the block.

    Args:
        environment: variables of Chromium beside those of this process.
    """
    path = find_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=_OPTIONS, env={**os.environ, **(environment or {})}
        )
        try:
            yield browser
        finally:
            await browser.close()
