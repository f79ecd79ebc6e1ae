"""The built-in page while replicas of two versions are running: a replica has no files of the other version's page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from attrs import evolve
from playwright.async_api import Browser, Locator, Request, Route, expect

from tests.browser.console_page import TOKEN, ConsolePage, open_console
from tests.browser.other_version import FULL_STORAGE, address_of, other_version_for
from tests.integration.entrypoints.chatcore_service.http_server import SETTINGS, LiveService, live_service
from tests.integration.faults.waiting import eventually

WAITING = "Parts of the page are missing. Loading it again …"
GIVEN_UP = "The page could not be loaded. Try again later."
LONGEST_PAUSE_MILLISECONDS = 10_000
NEARLY_ALL_RELOADS = "sessionStorage.setItem('chatcore:reloads', 18)"
EXCHANGE = "http://127.0.0.1:9"
CODE = "a-one-time-code-of-some-length"


@pytest_asyncio.fixture(loop_scope="session")
async def new(browser: Browser, service: LiveService) -> AsyncIterator[ConsolePage]:
    """Provides the page, not loaded yet."""
    async with open_console(browser, service) as console:
        yield console


def note_in(console: ConsolePage) -> Locator:
    """Returns what the reader is told about the page's files."""
    return console.page.get_by_role("status").filter(has_text="page")


async def require_whole(console: ConsolePage) -> None:
    """Waits until the page is there, with its styles and without a note."""
    await expect(console.page.get_by_label("Token")).to_be_visible()
    await expect(note_in(console)).to_have_count(0)
    await expect(console.page.locator("main.sign-in")).to_have_css("display", "grid")
    await expect(console.page.locator("main.sign-in button")).to_have_css("cursor", "pointer")


async def stop_clock(console: ConsolePage) -> None:
    """Stops the time of the page: it goes on only where a test says so."""
    await console.page.clock.install(time=0)
    await console.page.clock.pause_at(1)


# -- The first load --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("files", [".*", "views/.*", "styles.css"])
async def test_a_page_whose_files_are_missing_is_loaded_again_until_they_are_there(
    new: ConsolePage, files: str
) -> None:
    other = other_version_for(new)
    await other.takes_over(files)
    await new.load("#/")
    await expect(note_in(new)).to_have_text(WAITING)
    await eventually(lambda: other.visits == 2, within=20, what="the page is loaded again")
    other.has_left = True

    await require_whole(new)
    assert new.page.url.endswith("/#/")
    assert await new.page.evaluate("Object.keys(sessionStorage)") == []


async def test_a_module_whose_preload_has_failed_is_requested_once_more(new: ConsolePage) -> None:
    other = other_version_for(new)
    failed: list[str] = []

    async def fail_once(route: Route, request: Request) -> None:
        if failed:
            await route.continue_()
        else:
            failed.append(request.url)
            await route.fulfill(status=404)

    has_failed = asyncio.Event()

    async def come_later(route: Route) -> None:
        await has_failed.wait()
        await route.continue_()

    await new.page.route(address_of("views/chat.js"), fail_once)
    # A module that is imported while its preload is under way fails with it, and the page is loaded again.
    await new.page.route(address_of("app.js"), come_later)
    new.page.on("requestfailed", lambda _: has_failed.set())
    await new.load()

    await require_whole(new)
    assert (len(failed), other.visits) == (1, 1)


async def test_nothing_waits_for_the_script_that_loads_the_page_again(new: ConsolePage) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    await new.page.route("**/console/loading.js", hold)
    await new.page.goto(new.tab.origin, wait_until="commit")

    await require_whole(new)
    assert len(held) == 1
    await held[0].abort()


async def test_a_page_that_cannot_be_loaded_says_so_and_stops(new: ConsolePage) -> None:
    other = other_version_for(new)
    await other.takes_over("app.js")
    await stop_clock(new)
    await new.load()
    await expect(note_in(new)).to_have_text(WAITING)
    await new.page.evaluate(NEARLY_ALL_RELOADS)

    for number in range(3):
        await expect(note_in(new)).to_have_text(WAITING)
        assert other.visits == number + 1
        async with new.page.expect_navigation():
            await new.page.clock.fast_forward(LONGEST_PAUSE_MILLISECONDS)
    await expect(note_in(new)).to_have_text(GIVEN_UP)
    await new.page.clock.fast_forward(10 * LONGEST_PAUSE_MILLISECONDS)
    assert other.visits == 4

    # The reader tries again later.
    await new.page.reload()
    await expect(note_in(new)).to_have_text(WAITING)
    other.has_left = True
    await new.page.clock.fast_forward(LONGEST_PAUSE_MILLISECONDS)
    await new.page.clock.resume()
    await require_whole(new)


async def test_a_page_is_not_loaded_again_while_the_service_is_away(new: ConsolePage) -> None:
    other = other_version_for(new)
    asked: list[str] = []

    async def refuse(route: Route, request: Request) -> None:
        if other.has_left or request.is_navigation_request():
            await route.continue_()
        else:
            asked.append(request.method)
            await route.fulfill(status=503)

    await new.page.route(f"{new.tab.origin}/", refuse)
    await other.takes_over("app.js")
    await new.load()
    await eventually(lambda: len(asked) >= 3, within=20, what="the page asks for the service")
    assert (set(asked), other.visits) == ({"HEAD"}, 1)
    other.has_left = True

    await require_whole(new)


async def test_a_page_without_storage_is_loaded_again_at_the_longest_intervals(new: ConsolePage) -> None:
    other = other_version_for(new)
    await new.page.add_init_script(FULL_STORAGE)
    await other.takes_over("app.js")
    await stop_clock(new)
    await new.load()
    await expect(note_in(new)).to_have_text(WAITING)

    await new.page.clock.fast_forward(LONGEST_PAUSE_MILLISECONDS * 7 // 10)
    await expect(note_in(new)).to_have_text(WAITING)
    assert other.visits == 1
    other.has_left = True
    await new.page.clock.fast_forward(LONGEST_PAUSE_MILLISECONDS * 4 // 10)
    await new.page.clock.resume()

    await require_whole(new)


@pytest.mark.parametrize("files", ["app.js", "styles.css"])
async def test_a_one_time_code_signs_in_when_the_page_has_been_loaded_again(browser: Browser, files: str) -> None:
    async with (
        live_service(evolve(SETTINGS, console_sign_in_url=f"{EXCHANGE}/sign-in")) as service,
        open_console(browser, service, EXCHANGE) as console,
    ):
        await console.page.context.route(
            f"{EXCHANGE}/sign-in",
            lambda route: route.fulfill(json={"token": TOKEN}, headers={"Access-Control-Allow-Origin": "*"}),
        )
        other = other_version_for(console)
        await other.takes_over(files)
        await console.load(f"#code={CODE}")
        await eventually(lambda: other.visits == 2, within=20, what="the page is loaded again")
        await expect(note_in(console)).to_have_text(WAITING)
        other.has_left = True

        await expect(console.page.get_by_text("Your conversations will be listed here.")).to_be_visible()
        await expect(note_in(console)).to_have_count(0)


# -- Signing in ------------------------------------------------------------------------------------------------------


async def test_a_page_that_lacks_its_way_to_sign_in_is_loaded_again(new: ConsolePage) -> None:
    other = other_version_for(new)
    await other.takes_over("sign-in/by-token.js")
    await new.load()
    await eventually(lambda: other.visits == 2, within=20, what="the page is loaded again")
    other.has_left = True

    await require_whole(new)


async def test_a_page_that_cannot_load_its_way_to_sign_in_says_so_in_plain_words(new: ConsolePage) -> None:
    other = other_version_for(new)
    await other.breaks("sign-in/by-token.js")
    await new.load()
    await expect(new.page.get_by_role("alert")).to_have_text("The service cannot be reached.")
    assert other.visits == 1
    other.has_left = True

    await new.button("Try again").click()
    await require_whole(new)
