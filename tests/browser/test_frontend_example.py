"""Tests the frontend of examples/frontend in a real browser, from an origin of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import pytest_asyncio
from attrs import evolve, frozen
from playwright.async_api import Browser, Locator, Page, Request, Route, expect

from chatcore.errors import InferenceUnreachableError
from chatcore_memory import DONE_FRAME, PAUSE, token_frame
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, SETTINGS, LiveService, live_service

_FOLDER = Path(__file__).parents[2] / "examples" / "frontend"
_PATIENCE_MILLISECONDS = 20_000

#: Emoji have two UTF-16 units, and a family has several code points, so counting anything but code points shows.
BEGINNING, END = "One 👩‍👩‍👧 and 😀", " and the 𝄞 rest."
REPLY = BEGINNING + END


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class names it
        """Writes no line for each request."""


@pytest.fixture
def origin() -> Iterator[str]:
    """Serves the example's files at an origin of their own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(_FOLDER))) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


@pytest_asyncio.fixture(loop_scope="session")
async def service(origin: str) -> AsyncIterator[LiveService]:
    """Runs the service, which allows the example's origin."""
    async with live_service(evolve(SETTINGS, frontend_origins=(origin,))) as service:
        yield service


@frozen
class Frontend:
    """Drives the page."""

    page: Page
    service: LiveService
    errors: list[str]

    @property
    def messages(self) -> Locator:
        return self.page.locator("#messages li")

    @property
    def status(self) -> Locator:
        return self.page.get_by_role("status")

    async def send(self, content: str) -> None:
        await self.page.get_by_label("Message").fill(content)
        await self.page.get_by_role("button", name="Send").click()

    async def stored(self) -> list[tuple[str, str]]:
        """Returns the content and the status of each message of the only conversation."""
        listed = (await self.service.client.get("/api/conversations", headers=ALICE)).json()["items"]
        assert len(listed) == 1
        opened = (await self.service.client.get(f"/api/conversations/{listed[0]['id']}", headers=ALICE)).json()
        return [(message["content"], message["status"]) for message in opened["messages"]]


@pytest_asyncio.fixture(loop_scope="session")
async def frontend(browser: Browser, service: LiveService, origin: str) -> AsyncIterator[Frontend]:
    """Opens the page and logs in."""
    page = await browser.new_page()
    page.set_default_timeout(_PATIENCE_MILLISECONDS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(origin)
    await page.get_by_label("Address of the service").fill(f"http://127.0.0.1:{service.port}/")
    await page.get_by_label("Token").fill("token-of-alice")
    await page.get_by_role("button", name="Open").click()
    yield Frontend(page, service, errors)
    assert errors == []


async def test_a_message_is_sent_and_its_reply_arrives(frontend: Frontend, service: LiveService) -> None:
    service.inference.say("Good", " morning", " 😀")

    await frontend.send("Hello")

    await expect(frontend.messages).to_have_text(["Hello", "Good morning 😀"])
    await expect(frontend.status).to_have_text("The reply is complete.")


async def test_a_message_waits_until_the_conversation_is_open(frontend: Frontend, service: LiveService) -> None:
    """A message that was sent earlier went to no conversation, or was on the page twice."""
    service.inference.say("Good morning")
    may_open = asyncio.Event()

    async def open_late(route: Route) -> None:
        await may_open.wait()
        await route.continue_()

    await frontend.page.route("**/api/conversations/*", open_late)
    await frontend.page.reload()
    send = frontend.page.get_by_role("button", name="Send")
    await expect(send).to_be_disabled()
    may_open.set()

    await frontend.send("Hello")

    await expect(frontend.messages).to_have_text(["Hello", "Good morning"])


async def test_an_error_of_the_model_that_closes_the_stream_is_no_complete_reply(
    frontend: Frontend, service: LiveService
) -> None:
    service.inference.play(token_frame("Half"), b'data: {"error":{"message":"overloaded"},"done":true}\n\n')

    await frontend.send("Hello")

    await expect(frontend.messages).to_have_text(["Hello", "Half"])
    await expect(frontend.status).to_have_text("Failed: inference_error")


async def test_after_a_reload_in_mid_stream_the_reply_goes_on(frontend: Frontend, service: LiveService) -> None:
    service.inference.play(token_frame(BEGINNING), PAUSE, token_frame(END), DONE_FRAME)
    await frontend.send("Hello")
    await expect(frontend.messages.last).to_have_text(BEGINNING)

    await frontend.page.reload()
    await expect(frontend.messages).to_have_text(["Hello", BEGINNING])
    service.inference.release()

    await expect(frontend.messages).to_have_text(["Hello", REPLY])
    await expect(frontend.status).to_have_text("The reply is complete.")
    assert await frontend.stored() == [("Hello", "complete"), (REPLY, "complete")]


async def test_a_stream_that_the_service_ends_is_resumed_at_its_code_point(
    frontend: Frontend, service: LiveService
) -> None:
    service.inference.play(token_frame(BEGINNING), PAUSE, token_frame(END), DONE_FRAME)
    resumed: list[str] = []
    frontend.page.on("request", lambda request: resumed.append(request.url) if "offset=" in request.url else None)
    await frontend.send("Hello")
    await expect(frontend.messages.last).to_have_text(BEGINNING)

    service.container.stream_monitor().end_all()
    async with frontend.page.expect_request(lambda request: "offset=" in request.url):
        pass
    service.inference.release()

    await expect(frontend.messages).to_have_text(["Hello", REPLY])
    await expect(frontend.status).to_have_text("The reply is complete.")
    assert resumed[0].endswith(f"?offset={len(BEGINNING)}")


async def test_a_reply_is_stopped_and_keeps_its_text(frontend: Frontend, service: LiveService) -> None:
    service.inference.play(token_frame(BEGINNING), PAUSE, token_frame(END), DONE_FRAME)
    await frontend.send("Hello")
    await expect(frontend.messages.last).to_have_text(BEGINNING)

    await frontend.page.get_by_role("button", name="Stop").click()

    await expect(frontend.status).to_have_text("The reply was stopped.")
    assert await frontend.stored() == [("Hello", "complete"), (BEGINNING, "stopped")]


async def test_a_retry_after_a_lost_answer_appends_nothing(frontend: Frontend, service: LiveService) -> None:
    service.inference.say("Good morning")
    keys: list[str] = []

    async def lose_the_first_answer(route: Route, request: Request) -> None:
        if request.method != "POST":
            await route.continue_()
            return
        keys.append(request.headers["idempotency-key"])
        if len(keys) > 1:
            await route.continue_()
            return
        await route.fetch()
        await route.abort()

    await expect(frontend.messages).to_have_count(0)
    await frontend.page.route("**/messages", lose_the_first_answer)
    await frontend.send("Hello")
    retry = frontend.page.get_by_role("button", name="Retry")
    await expect(retry).to_be_enabled()
    await frontend.send("Another")
    await expect(frontend.status).to_contain_text("Retry it first")
    await expect(frontend.page.get_by_label("Message")).to_have_value("Another")
    await frontend.page.reload()

    await expect(retry).to_be_enabled()
    await retry.click()

    await expect(frontend.messages).to_have_text(["Hello", "Good morning"])
    await expect(retry).to_be_disabled()
    assert await frontend.stored() == [("Hello", "complete"), ("Good morning", "complete")]
    assert len(set(keys)) == 1
    assert len(keys) == 2


async def test_a_refusal_is_shown_in_its_own_words_and_the_text_comes_back(
    frontend: Frontend, service: LiveService
) -> None:
    del service
    await frontend.send("x" * 8001)

    await expect(frontend.status).to_contain_text("content must be at most 8000 characters")
    await expect(frontend.page.get_by_label("Message")).to_have_value("x" * 8001)


async def test_a_message_during_a_reply_stops_the_reply_and_can_be_stopped_itself(
    frontend: Frontend, service: LiveService
) -> None:
    service.inference.play(token_frame(BEGINNING), PAUSE, token_frame(END), DONE_FRAME)
    await frontend.send("Hello")
    await expect(frontend.messages.last).to_have_text(BEGINNING)

    await frontend.send("Shorter")

    await expect(frontend.messages).to_have_text(["Hello", BEGINNING, "Shorter", BEGINNING])
    await frontend.page.get_by_role("button", name="Stop").click()
    await expect(frontend.status).to_have_text("The reply was stopped.")
    assert await frontend.stored() == [
        ("Hello", "complete"),
        (BEGINNING, "stopped"),
        ("Shorter", "complete"),
        (BEGINNING, "stopped"),
    ]


async def test_after_a_reload_a_failed_reply_shows_its_error(frontend: Frontend, service: LiveService) -> None:
    service.inference.outage = InferenceUnreachableError()
    await frontend.send("Hello")
    await expect(frontend.status).to_have_text("Failed: inference_unreachable")

    await frontend.page.reload()

    await expect(frontend.messages).to_have_count(2)
    await expect(frontend.status).to_have_text("Failed: inference_unreachable")
