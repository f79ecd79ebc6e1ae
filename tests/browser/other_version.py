"""A replica of another version, as a tab with the built-in page meets it in a rolling deploy."""

from __future__ import annotations

import re

from attrs import define, field
from playwright.async_api import Request, Route

from chatcore_service.console.files import console_files
from tests.browser.console_page import ConsolePage

#: A script after which the storage of the tab takes nothing.
FULL_STORAGE = "(() => { Storage.prototype.setItem = () => { throw new Error('full'); }; })()"


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

        await self.console.page.route(address_of(".*"), answer)

    async def breaks(self, files: str) -> None:
        """Begins to close the connection on requests for the files whose names match."""

        async def answer(route: Route) -> None:
            await (route.continue_() if self.has_left else route.abort())

        await self.console.page.route(address_of(files), answer)


def address_of(files: str) -> re.Pattern[str]:
    """Returns a pattern for the addresses of the page's files whose names match."""
    return re.compile(rf"/console/{console_files().digest}/(?:{files})$")


def other_version_for(console: ConsolePage) -> OtherVersion:
    """Returns a replica of another version, which answers nothing yet and counts the visits of the page."""
    other = OtherVersion(console)

    def note(request: Request) -> None:
        other.visits += request.is_navigation_request()

    console.page.on("request", note)
    return other
