"""The built-in page: what becomes of messages and replies when the connection is lost."""

from __future__ import annotations

from playwright.async_api import Request, expect

from chatcore_memory import DONE_FRAME, PAUSE, token_frame
from tests.browser.console_page import ConsolePage
from tests.integration.entrypoints.chatcore_service.http_server import LiveService
from tests.integration.faults.waiting import eventually

#: Emoji have two UTF-16 units, and a family has several code points, so counting anything but code points shows.
BEGINNING, END = "One 👩‍👩‍👧 and 😀", " and the 𝄞 rest."
REPLY = BEGINNING + END
PAUSED = (token_frame(BEGINNING), PAUSE, token_frame(END), DONE_FRAME)


# -- A reply that is being written -----------------------------------------------------------------------------------


async def test_after_a_reload_in_mid_stream_the_reply_goes_on(console: ConsolePage, service: LiveService) -> None:
    service.inference.play(*PAUSED)
    await console.send("Hello")
    await expect(console.texts).to_have_text([BEGINNING])

    await console.page.reload()
    await expect(console.texts).to_have_text([BEGINNING])
    service.inference.release()

    await expect(console.texts).to_have_text([REPLY])
    assert await console.stored() == [("Hello", "complete"), (REPLY, "complete")]


async def test_a_stream_that_the_service_ends_is_resumed_at_its_last_event(
    console: ConsolePage, service: LiveService
) -> None:
    service.inference.play(*PAUSED)
    resumed: list[str | None] = []

    def note(request: Request) -> None:
        if request.url.endswith("/stream"):
            resumed.append(request.headers.get("last-event-id"))

    console.page.on("request", note)
    await console.send("Hello")
    await expect(console.texts).to_have_text([BEGINNING])

    service.container.stream_monitor().end_all()
    await eventually(lambda: len(resumed) > 1, within=10, what="the page is back")
    service.inference.release()

    await expect(console.texts).to_have_text([REPLY])
    assert resumed[1] == str(len(BEGINNING))


async def test_while_the_connection_is_lost_a_quiet_note_says_so(console: ConsolePage, service: LiveService) -> None:
    service.inference.play(*PAUSED)
    await console.send("Hello")
    await expect(console.texts).to_have_text([BEGINNING])

    await console.page.context.set_offline(True)
    service.container.stream_monitor().end_all()
    await expect(console.waiting_note).to_be_visible()
    service.inference.release()
    await console.page.context.set_offline(False)

    await expect(console.texts).to_have_text([REPLY])
    await expect(console.waiting_note).to_have_count(0)


async def test_a_stop_without_a_connection_is_repeated(console: ConsolePage, service: LiveService) -> None:
    service.inference.play(*PAUSED)
    await console.send("Hello")
    await expect(console.texts).to_have_text([BEGINNING])

    await console.lose_connection()
    await console.button("Stop").click()
    await expect(console.waiting_note).to_be_visible()
    await console.page.context.set_offline(False)

    await expect(console.replies).to_contain_text("You stopped this reply.")
    await expect(console.waiting_note).to_have_count(0)
    await expect(console.page.get_by_role("alert")).to_have_count(0)
    assert await console.stored() == [("Hello", "complete"), (BEGINNING, "stopped")]


# -- A message that is being sent ------------------------------------------------------------------------------------


async def test_a_model_that_is_silent_is_no_lost_connection(console: ConsolePage, service: LiveService) -> None:
    service.inference.play(*PAUSED)
    await console.send("Hello")
    await expect(console.texts).to_have_text([BEGINNING])
    await console.lose_connection()
    await expect(console.waiting_note).to_be_visible()

    await console.page.context.set_offline(False)

    await expect(console.page.get_by_text("Waiting for the reply to go on …")).to_be_visible()
    service.inference.release()
    await expect(console.texts).to_have_text([REPLY])
    await expect(console.page.get_by_text("Waiting")).to_have_count(0)
