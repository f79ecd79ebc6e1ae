"""Finds the Chromium of this machine and starts it."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

#: The names of the browser on PATH.
WHOLE = ("chromium", "chromium-browser", "google-chrome")
#: The names of the shell of its engine, which needs less than half of the processor time, and then of the browser.
SHELL = ("chromium-headless-shell", "chrome-headless-shell", *WHOLE)

_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def find_chromium(programs: Sequence[str]) -> str:
    """Returns the path of the first program that exists; fails the test if there is none."""
    for program in programs:
        if path := shutil.which(program):
            return path
    pytest.fail(f"No browser was found. The browser tests need one of: {', '.join(programs)}.", pytrace=False)


@asynccontextmanager
async def started_chromium(
    programs: Sequence[str] = WHOLE, *, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Browser]:
    """Runs Chromium without a window and with a fresh profile for the duration of the block.

    Args:
        programs: the names of the program on PATH; the first that exists is run.
        environment: variables of Chromium beside those of this process.
    """
    path = find_chromium(programs)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=_OPTIONS, env={**os.environ, **(environment or {})}
        )
        try:
            yield browser
        finally:
            await browser.close()
