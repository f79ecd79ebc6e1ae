"""The address that `chatcore dev` prints opens the built-in page, signed in, and the model answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.async_api import Browser, expect

from tests.browser.console_page import ConsoleTab
from tests.browser.watched_tab import open_tab
from tests.integration.entrypoints.chatcore_dev.dev_command import Dev, dev


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with dev(tmp_path_factory.mktemp("stack") / ".chatcore", "--model", "eliza") as started:
        yield started
        assert started.end() == (0, "")


def _fragment(stack: Dev) -> str:
    found = re.search(rf"{stack.url}/(#code=\S+)", stack.greeting)
    assert found is not None, stack.greeting
    return found[1]


def _origin_of_sign_in(stack: Dev) -> str:
    config = httpx.get(f"{stack.url}/console/config", trust_env=False).json()
    return "/".join(str(config["sign_in"]["exchange_url"]).split("/")[:3])


async def test_the_printed_address_opens_a_chat_and_signs_in_once(whole_browser: Browser, stack: Dev) -> None:
    origins = (stack.url, _origin_of_sign_in(stack))
    async with open_tab(whole_browser, *origins) as tab:
        console = ConsoleTab(tab)
        await console.load(_fragment(stack))
        await expect(console.field).to_be_visible()
        assert "code" not in tab.page.url
        await console.send("Hello")
        await expect(console.titles).to_have_text(["Hello"])
        await expect(console.log).to_have_attribute("aria-busy", "false")
        await expect(console.texts).not_to_have_text([""])
        assert tab.errors == []

    async with open_tab(whole_browser, *origins) as another:
        await ConsoleTab(another).load(_fragment(stack))
        await expect(another.page.get_by_label("Token")).to_be_visible()
        await expect(another.page.get_by_role("alert")).not_to_contain_text("cannot be reached")
