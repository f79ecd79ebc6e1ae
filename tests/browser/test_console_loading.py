"""The built-in page while replicas of two versions are running: a replica has no files of the other version's page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from attrs import define, evolve, field
from playwright.async_api import Browser, Locator, Request, Route, expect

from chatcore_memory import DONE_FRAME, PAUSE, token_frame
from chatcore_service.console.files import console_files
from tests.browser.console_page import TOKEN, ConsolePage, open_console
from tests.integration.entrypoints.chatcore_service.http_server import SETTINGS, LiveService, live_service
from tests.integration.faults.waiting import eventually

WAITING = "Parts of the page are missing. Loading it again …"
GIVEN_UP = "The page could not be loaded. Try again later."
NOT_LOADED = "This part of the page could not be loaded."
LONGEST_PAUSE_MILLISECONDS = 10_000
NEARLY_ALL_RELOADS = "sessionStorage.setItem('chatcore:reloads', 18)"
FULL_STORAGE = "(() => { Storage.prototype.setItem = () => { throw new Error('full'); }; })()"
EXCHANGE = "http://127.0.0.1:9"
CODE = "a-one-time-code-of-some-length"


@define
class OtherVersion:
    """Answers requests of a tab for files of its page as a replica of another version does."""

    console: ConsolePage
    #: The methods and the names of the files of the requests that got 404.
    asked: list[str] = field(factory=list[str])
    #: How often the page itself was requested.
    visits: int = 0
    #: Whether it answers no more.
    has_left: bool = False

    async def takes_over(self, files: str = ".*", *, most_visits: int | None = None) -> None:
        """Begins to answer 404 for the files whose names match, and to `HEAD` requests for any file.

        With `most_visits`, it does so until the page has been requested more often. The page is then one of the version
        that answers.
        """

        async def answer(route: Route, request: Request) -> None:
            name = request.url.partition(f"{console_files().digest}/")[2]
            if self.has_left or (most_visits is not None and self.visits > most_visits):
                await route.continue_()
            elif request.method == "HEAD" or re.fullmatch(files, name):
                self.asked.append(f"{request.method} {name}")
                await route.fulfill(status=404, headers={"Cache-Control": "no-store"})
            else:
                await route.continue_()

        await self.console.page.route(_address_of(".*"), answer)

    async def breaks(self, files: str) -> None:
        """Begins to close the connection on requests for the files whose names match."""

        async def answer(route: Route) -> None:
            await (route.continue_() if self.has_left else route.abort())

        await self.console.page.route(_address_of(files), answer)


def _address_of(files: str) -> re.Pattern[str]:
    return re.compile(rf"/console/{console_files().digest}/(?:{files})$")


@pytest_asyncio.fixture(loop_scope="session")
async def new(browser: Browser, service: LiveService) -> AsyncIterator[ConsolePage]:
    """Provides the page, not loaded yet."""
    async with open_console(browser, service) as console:
        yield console


def other_version_for(console: ConsolePage) -> OtherVersion:
    other = OtherVersion(console)

    def note(request: Request) -> None:
        other.visits += request.is_navigation_request()

    console.page.on("request", note)
    return other


def note_in(console: ConsolePage) -> Locator:
    """Returns what the reader is told about the page's files."""
    return console.page.get_by_role("status").filter(has_text="page")


async def require_whole(console: ConsolePage) -> None:
    """Waits until the page is there, with its styles and without a note."""
    await expect(console.page.get_by_label("Token")).to_be_visible()
    await expect(note_in(console)).to_have_count(0)
    await expect(console.page.locator("main.sign-in")).to_have_css("display", "grid")
    await expect(console.page.locator("main.sign-in button")).to_have_css("cursor", "pointer")


# -- The first load --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("files", [".*", "views/.*", "styles/layout.css"])
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

    await new.page.route(_address_of("views/chat.js"), fail_once)
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
    await new.page.clock.install()
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
    await new.page.clock.install()
    await new.load()
    await expect(note_in(new)).to_have_text(WAITING)

    await new.page.clock.fast_forward(LONGEST_PAUSE_MILLISECONDS * 7 // 10)
    await expect(note_in(new)).to_have_text(WAITING)
    assert other.visits == 1
    other.has_left = True
    await new.page.clock.fast_forward(LONGEST_PAUSE_MILLISECONDS * 4 // 10)

    await require_whole(new)


@pytest.mark.parametrize("files", ["app.js", "styles/.*"])
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


# -- An open page ----------------------------------------------------------------------------------------------------


async def test_an_open_page_that_cannot_render_a_reply_is_loaded_again(
    console: ConsolePage, service: LiveService
) -> None:
    other = other_version_for(console)
    service.inference.say("Some **bold** text")
    await other.takes_over(most_visits=0)
    await console.send("Hello")
    await console.field.fill("A thought")

    await expect(console.texts.locator("strong")).to_have_text("bold")
    await expect(console.field).to_have_value("A thought")
    assert other.visits == 1
    assert "GET markdown/rendering.js" in other.asked
    assert await console.stored() == [("Hello", "complete"), ("Some **bold** text", "complete")]


async def test_an_open_page_that_cannot_show_the_settings_is_loaded_again(console: ConsolePage) -> None:
    other = other_version_for(console)
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    await console.field.fill("A thought")
    url = console.page.url
    await other.takes_over(most_visits=0)
    await console.button("Settings").click()
    await eventually(lambda: other.visits == 1, within=20, what="the page is loaded again")

    await expect(console.texts).to_have_text(["Hello"])
    await expect(console.field).to_have_value("A thought")
    assert console.page.url == url
    await console.button("Settings").click()
    await expect(console.page.get_by_role("dialog", name="Settings")).to_be_visible()


async def test_a_page_that_is_outdated_again_is_not_loaded_again_and_again(console: ConsolePage) -> None:
    other = other_version_for(console)
    await other.takes_over("panels/.*")
    await console.button("Settings").click()
    await eventually(lambda: other.visits == 1, within=20, what="the page is loaded again")

    await console.button("Settings").click()

    await expect(console.page.get_by_text(NOT_LOADED)).to_be_visible()
    assert other.visits == 1


@pytest.mark.parametrize("obstacle", ["the network", "no service", "no storage"])
async def test_a_page_that_another_one_would_not_help_is_not_loaded_again(console: ConsolePage, obstacle: str) -> None:
    other = other_version_for(console)
    if obstacle == "the network":
        await other.breaks("panels/settings.js")
    else:
        await other.takes_over()
    if obstacle == "no service":
        await console.page.route(f"{console.tab.origin}/", lambda route: route.fulfill(status=404))
    if obstacle == "no storage":
        await console.page.evaluate(FULL_STORAGE)
    await console.field.fill("A thought")
    await console.button("Settings").click()
    await expect(console.page.get_by_text(NOT_LOADED)).to_be_visible()
    other.has_left = True

    await console.button("Settings").click()

    await expect(console.page.get_by_role("dialog", name="Settings")).to_be_visible()
    await expect(console.field).to_have_value("A thought")
    assert other.visits == 0


# -- What the page can do without ------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["markdown/highlight.js", "vendor/@highlightjs/cdn-assets/es/languages/python.min.js"])
async def test_code_that_cannot_be_coloured_stays_plain(console: ConsolePage, service: LiveService, file: str) -> None:
    other = other_version_for(console)
    await other.takes_over(re.escape(file))
    service.inference.say("```python\nprint(1)\n```\n\n- x\n\n  ```python\n  print(2)\n  ```\n\n" * 50)
    await console.send("Hello")
    await expect(console.texts.locator("pre")).to_have_count(100)
    await eventually(lambda: other.asked.count(f"GET {file}") == 5, within=20, what="the last attempt")

    await console.send("Hello again")
    await expect(console.texts.locator("pre")).to_have_count(200)

    await expect(console.texts.locator("pre").last).to_have_text("print(2)")
    await expect(console.texts.locator("[class^=hljs]")).to_have_count(0)
    assert other.asked == [f"GET {file}"] * 5
    assert other.visits == 0


async def test_a_text_grows_without_the_code_that_closes_its_markup(console: ConsolePage, service: LiveService) -> None:
    other = other_version_for(console)
    await other.takes_over("vendor/remend/.*")
    service.inference.play(token_frame("Some **bold"), PAUSE, token_frame("** text"), DONE_FRAME)
    await console.send("Hello")
    await expect(console.texts).to_have_text("Some **bold")
    await eventually(lambda: len(other.asked) == 5, within=20, what="the last attempt")
    service.inference.release()

    await expect(console.texts.locator("strong")).to_have_text("bold")
    assert set(other.asked) == {"GET vendor/remend/dist/index.js"}
    assert other.visits == 0
