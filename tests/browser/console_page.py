"""The built-in page in a browser that records what the page must not do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from attrs import evolve, field, frozen
from playwright.async_api import Browser, Locator, Page, Request, Route, expect

from chatcore_service.console.files import console_files
from tests.browser.watched_tab import Screen, WatchedTab, open_tab
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService
from tests.integration.faults.waiting import eventually

TOKEN = ALICE["Authorization"].removeprefix("Bearer ")


@frozen
class ConsoleTab:
    """Drives the page, whatever serves it."""

    tab: WatchedTab
    #: The path of the page at the service's origin.
    path: str = field(default="/", kw_only=True)

    @property
    def page(self) -> Page:
        """Returns the page."""
        return self.tab.page

    @property
    def field(self) -> Locator:
        """Returns the field in which one writes."""
        return self.page.get_by_role("textbox", name="Message")

    @property
    def log(self) -> Locator:
        """Returns the list of messages."""
        return self.page.get_by_role("log")

    @property
    def asked(self) -> Locator:
        """Returns the messages of the reader."""
        return self.log.get_by_role("article", name="You")

    @property
    def replies(self) -> Locator:
        """Returns the replies."""
        return self.log.get_by_role("article", name="Reply")

    @property
    def texts(self) -> Locator:
        """Returns the texts of the replies, without what stands around them."""
        return self.log.locator("markdown-text")

    @property
    def titles(self) -> Locator:
        """Returns the links of the sidebar."""
        return self.page.get_by_role("navigation", name="Conversations").get_by_role("link")

    @property
    def waiting_note(self) -> Locator:
        """Returns the note that is shown while the connection is lost."""
        return self.page.locator(".notes").get_by_text("The connection was lost. Waiting …")

    def button(self, name: str) -> Locator:
        """Returns the button with this label."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def load(self, fragment: str = "") -> None:
        """Loads the page."""
        await self.page.goto(f"{self.tab.origin}{self.path}{fragment}")

    async def sign_in(self, token: str = TOKEN) -> None:
        """Loads the page and signs in with a token."""
        await self.load()
        await self.page.get_by_label("Token").fill(token)
        await self.button("Open").click()
        await expect(self.field).to_be_visible()

    async def change_reader(self, token: str) -> None:
        """Signs out and signs in with another token."""
        await self.button("Sign out").click()
        await self.page.get_by_label("Token").fill(token)
        await self.button("Open").click()
        await expect(self.field).to_be_visible()

    async def another_tab(self) -> Self:
        """Opens another tab of the same browser, which has the same reader; the caller loads the page."""
        return evolve(self, tab=evolve(self.tab, page=await self.page.context.new_page()))

    async def send(self, content: str) -> None:
        """Sends a message, once the page takes it, which it does not before the last reply has ended."""
        await self.field.fill(content)
        await expect(self.button("Send")).to_be_enabled()
        await self.field.press("Enter")

    @property
    def edited(self) -> Locator:
        """Returns the field in which a message is edited."""
        return self.page.get_by_role("textbox", name="Edit the message")

    async def converse(self, *messages: str) -> None:
        """Sends messages, each after the reply to the one before, which is "Hello"."""
        for count, message in enumerate(messages, 1):
            await self.send(message)
            await expect(self.texts).to_have_text(["Hello"] * count)

    async def begin_edit(self, message: Locator) -> None:
        """Opens the field in which a message is edited."""
        await message.hover()
        await message.get_by_role("button", name="Edit").click()
        await expect(self.edited).to_be_focused()

    async def edit(self, message: Locator, text: str) -> None:
        """Edits a message by mouse and keyboard."""
        await self.begin_edit(message)
        await self.edited.fill(text)
        await self.edited.press("Enter")

    async def hurry(self) -> None:
        """Makes the page's pauses between attempts ten times shorter, until it is loaded again."""
        await self.page.evaluate(
            """(() => {
  const original = setTimeout;
  window.setTimeout = (act, delay, ...rest) => original(act, delay >= 200 ? delay / 10 : delay, ...rest);
})()"""
        )

    async def lose_first_answer(self, pattern: str) -> list[Request]:
        """Loses the answer to the first POST; returns a list that gets all POST requests."""
        posted: list[Request] = []

        async def answer(route: Route, request: Request) -> None:
            if request.method == "POST":
                posted.append(request)
            if posted == [request]:
                await route.fetch()
                await route.abort()
            else:
                await route.continue_()

        await self.page.route(pattern, answer)
        return posted

    async def evaluate(self, module: str, expression: str, argument: object = None) -> Any:  # noqa: ANN401 - any JSON
        """Evaluates an expression of `module`, one of the page's modules, and of `argument`."""
        path = f"/console/{console_files().digest}/{module}"
        return await self.page.evaluate(
            f"async ([path, argument]) => {{ const module = await import(path); return {expression}; }}",
            [path, argument],
        )


@frozen
class ConsolePage(ConsoleTab):
    """Drives the page of a service on adapters in memory."""

    service: LiveService

    async def conversation(self) -> dict[str, Any]:
        """Returns the only conversation of the reader with its messages, as the service has it."""
        listed = (await self.service.client.get("/api/conversations", headers=ALICE)).json()["items"]
        assert len(listed) == 1
        opened = await self.service.client.get(f"/api/conversations/{listed[0]['id']}", headers=ALICE)
        conversation: dict[str, Any] = opened.json()
        return conversation

    async def found(self, query: str, count: int) -> None:
        """Returns when the service finds this number of conversations, which it does a moment after they are stored."""

        async def are_found() -> bool:
            params: dict[str, str | int] = {"q": query, "limit": 50}
            response = await self.service.client.get("/api/search", params=params, headers=ALICE)
            return len(response.json()["items"]) == count

        await eventually(are_found, within=20, what=f"{count} conversations are found")

    async def lose_connection(self) -> None:
        """Takes the network away. The browser keeps connections that are open, so the service ends them."""
        await self.page.context.set_offline(True)
        self.service.container.stream_monitor().end_all()

    async def tree(self) -> list[dict[str, Any]]:
        """Returns all messages of the only conversation, as the service has them."""
        path = f"/api/conversations/{(await self.conversation())['id']}?branches=all"
        messages: list[dict[str, Any]] = (await self.service.client.get(path, headers=ALICE)).json()["messages"]
        return messages

    async def stored(self) -> list[tuple[str, str]]:
        """Returns the content and the status of each message of the only conversation."""
        messages = (await self.conversation())["messages"]
        return [(message["content"], message["status"]) for message in messages]


@asynccontextmanager
async def open_console(
    browser: Browser,
    service: LiveService,
    *origins: str,
    screen: Screen = Screen(),  # noqa: B008 - immutable
) -> AsyncIterator[ConsolePage]:
    """Opens a tab; the caller loads the page. At the end, the page must not have done what it must not do.

    Args:
        browser: the browser.
        service: the service.
        origins: further origins that the page may ask.
        screen: what the page is shown on.
    """
    origin = f"http://127.0.0.1:{service.port}"
    async with open_tab(browser, origin, *origins, screen=screen) as tab:
        yield ConsolePage(tab, service)
        assert tab.foreign_urls == []
        assert tab.errors == []
