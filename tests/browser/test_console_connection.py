"""The built-in page: what becomes of messages and replies when the connection is lost."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Request, Route, expect

from chatcore_memory import DONE_FRAME, PAUSE, token_frame
from tests.browser.console_page import ConsolePage
from tests.integration.entrypoints.chatcore_service.http_server import LiveService
from tests.integration.faults.waiting import eventually

#: Emoji have two UTF-16 units, and a family has several code points, so counting anything but code points shows.
BEGINNING, END = "One 👩‍👩‍👧 and 😀", " and the 𝄞 rest."
REPLY = BEGINNING + END
PAUSED = (token_frame(BEGINNING), PAUSE, token_frame(END), DONE_FRAME)


async def lose_connection(console: ConsolePage, service: LiveService) -> None:
    """Takes the network away. The browser keeps connections that are open, so the service ends them."""
    await console.page.context.set_offline(True)
    service.container.stream_monitor().end_all()


async def was_stored(console: ConsolePage, count: int) -> bool:
    """Returns whether the only conversation has so many messages, all of which are complete."""
    stored = await console.stored()
    return [status for _, status in stored] == ["complete"] * count


async def fail_to_send(console: ConsolePage) -> None:
    """Sends the second message of a conversation without a network, until the page gives it up."""
    await console.send("Before")
    await expect(console.texts).to_have_text(["Hello"])
    await console.hurry()
    await console.page.context.set_offline(True)
    await console.send("Hello again")
    await expect(console.asked.last).to_contain_text("This message may not have arrived.")


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

    await lose_connection(console, service)
    await console.button("Stop").click()
    await expect(console.waiting_note).to_be_visible()
    await console.page.context.set_offline(False)

    await expect(console.replies).to_contain_text("You stopped this reply.")
    await expect(console.waiting_note).to_have_count(0)
    await expect(console.page.get_by_role("alert")).to_have_count(0)
    assert await console.stored() == [("Hello", "complete"), (BEGINNING, "stopped")]


# -- A message that is being sent ------------------------------------------------------------------------------------


async def test_a_message_that_could_not_be_sent_is_sent_when_the_connection_is_back(
    console: ConsolePage, service: LiveService
) -> None:
    await fail_to_send(console)
    service.inference.say("Good morning")
    # Nothing is under way, so there is nothing to wait for.
    await expect(console.waiting_note).to_have_count(0)

    await console.page.context.set_offline(False)

    await expect(console.texts).to_have_text(["Hello", "Good morning"])
    await expect(console.page.get_by_role("alert")).to_have_count(0)
    await expect(console.waiting_note).to_have_count(0)
    assert [content for content, _ in await console.stored()] == ["Before", "Hello", "Hello again", "Good morning"]


async def test_a_message_that_could_not_be_sent_is_sent_when_the_service_is_back(
    console: ConsolePage, service: LiveService
) -> None:
    """The browser does not tell that a service is back, so the page's feed has to."""
    await console.send("Before")
    await expect(console.texts).to_have_text(["Hello"])
    await console.hurry()
    await console.page.route("**/api/**", lambda route: route.abort())
    service.container.stream_monitor().end_all()
    await console.send("Hello again")
    await expect(console.asked.last).to_contain_text("This message may not have arrived.")

    await console.page.unroute("**/api/**")

    await expect(console.texts).to_have_text(["Hello", "Hello"])
    assert [content for content, _ in await console.stored()] == ["Before", "Hello", "Hello again", "Hello"]


async def test_a_message_of_a_conversation_that_was_left_is_sent_as_well(console: ConsolePage) -> None:
    await fail_to_send(console)
    await console.button("New chat").click()
    await expect(console.asked).to_have_count(0)

    await console.page.context.set_offline(False)

    await expect(console.titles.get_by_label("A reply is being written")).to_have_count(0)
    await eventually(lambda: was_stored(console, 4), within=20, what="the message is answered")
    await console.titles.click()
    await expect(console.texts).to_have_text(["Hello", "Hello"])


async def test_what_could_not_be_done_is_not_held_against_a_connection_that_is_back(
    console: ConsolePage, service: LiveService
) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    await console.hurry()
    await lose_connection(console, service)
    await console.button("Try again").click()
    await expect(console.page.get_by_role("alert")).to_have_text("The service cannot be reached.")

    await console.page.context.set_offline(False)

    await expect(console.page.get_by_role("alert")).to_have_count(0)


async def test_a_model_that_is_silent_is_no_lost_connection(console: ConsolePage, service: LiveService) -> None:
    service.inference.play(*PAUSED)
    await console.send("Hello")
    await expect(console.texts).to_have_text([BEGINNING])
    await lose_connection(console, service)
    await expect(console.waiting_note).to_be_visible()

    await console.page.context.set_offline(False)

    await expect(console.page.get_by_text("Waiting for the reply to go on …")).to_be_visible()
    service.inference.release()
    await expect(console.texts).to_have_text([REPLY])
    await expect(console.page.get_by_text("Waiting")).to_have_count(0)


async def test_a_message_waits_for_the_one_before_it(console: ConsolePage) -> None:
    """Two on their way could arrive in another order, and the service answers one at a time."""
    await console.send("Before")
    await expect(console.texts).to_have_text(["Hello"])
    await console.page.context.set_offline(True)
    await console.send("One")
    await expect(console.asked.last).to_contain_text("Sending …")

    await console.field.fill("Two")
    await expect(console.button("Send")).to_be_disabled()
    await console.field.press("Enter")
    await expect(console.field).to_have_value("Two")
    await expect(console.asked).to_have_count(2)
    await console.page.context.set_offline(False)

    await expect(console.texts).to_have_text(["Hello", "Hello"])
    await expect(console.button("Send")).to_be_enabled()
    await expect(console.field).to_have_value("Two")


async def test_a_message_whose_answer_was_lost_is_sent_again_and_stored_once(
    console: ConsolePage, service: LiveService
) -> None:
    service.inference.say("Good morning")
    keys = await console.lose_first_answer("**/messages")
    await console.send("Hello")

    await expect(console.texts).to_have_text(["Good morning"])
    assert await console.stored() == [("Hello", "complete"), ("Good morning", "complete")]
    assert len(keys) == 2
    assert len(set(keys)) == 1


async def test_a_message_that_was_not_sent_survives_a_reload(console: ConsolePage, service: LiveService) -> None:
    await console.send("Before")
    await expect(console.texts).to_have_text(["Hello"])
    service.inference.say("Good morning")
    await console.page.route("**/messages", lambda route: route.abort())
    await console.send("Hello again")
    await expect(console.asked.last).to_contain_text("Sending …")
    await console.page.unroute("**/messages")

    await console.page.reload()

    await expect(console.texts).to_have_text(["Hello", "Good morning"])
    assert [content for content, _ in await console.stored()] == ["Before", "Hello", "Hello again", "Good morning"]


async def test_a_conversation_whose_creation_was_lost_is_created_once(console: ConsolePage) -> None:
    created: list[str] = []

    async def lose_the_first_answer(route: Route, request: Request) -> None:
        if request.method != "POST":
            await route.continue_()
            return
        created.append(request.post_data or "")
        if len(created) == 1:
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await console.page.route("**/api/conversations", lose_the_first_answer)
    await console.send("Hello")

    await expect(console.texts).to_have_text(["Hello"])
    assert len(created) == 2
    assert len(set(created)) == 1
    assert [content for content, _ in await console.stored()] == ["Hello", "Hello"]


async def test_a_service_that_asks_to_wait_is_quoted(console: ConsolePage) -> None:
    """Nothing is wrong with the connection."""
    problem = {"detail": "Too many replies are being generated.", "code": "too_many_generations"}
    busy = {"status": 429, "json": problem, "headers": {"Retry-After": "1"}}
    await console.page.route("**/messages", lambda route: route.fulfill(**busy))
    await console.send("Hello")

    await expect(console.page.get_by_text("Too many replies are being generated. Waiting …")).to_be_visible()
    await expect(console.waiting_note).to_have_count(0)
    await console.page.unroute("**/messages")

    await expect(console.texts).to_have_text(["Hello"])


async def test_a_message_whose_answers_were_all_lost_is_not_doubled_by_changing_it(console: ConsolePage) -> None:
    await console.send("Before")
    await expect(console.texts).to_have_text(["Hello"])
    await console.hurry()

    async def lose_the_answer(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await console.page.route("**/messages", lose_the_answer)
    await console.send("Hello again")
    await expect(console.asked.last).to_contain_text("This message may not have arrived.")
    await console.page.unroute("**/messages")

    await console.asked.last.get_by_role("button", name="Edit").click()

    await expect(console.texts).to_have_text(["Hello", "Hello"])
    await expect(console.asked.last).not_to_contain_text("may not have arrived")
    await expect(console.field).to_have_value("")
    assert [content for content, _ in await console.stored()] == ["Before", "Hello", "Hello again", "Hello"]


async def test_a_message_that_has_not_arrived_can_be_changed(console: ConsolePage) -> None:
    await console.send("Before")
    await expect(console.texts).to_have_text(["Hello"])
    await console.hurry()
    await console.page.route("**/messages", lambda route: route.abort())
    await console.send("Hello again")
    await expect(console.asked.last).to_contain_text("This message may not have arrived.")
    await console.page.unroute("**/messages")

    await console.asked.last.get_by_role("button", name="Edit").click()

    await expect(console.field).to_have_value("Hello again")
    await expect(console.asked).to_have_count(1)
    assert [content for content, _ in await console.stored()] == ["Before", "Hello"]


async def test_a_first_message_that_was_taken_back_begins_a_conversation_after_all(console: ConsolePage) -> None:
    await console.hurry()
    await console.page.context.set_offline(True)
    await console.send("Hello")
    await expect(console.asked).to_contain_text("This message may not have arrived.")

    await console.asked.get_by_role("button", name="Edit").click()
    await expect(console.field).to_have_value("Hello")
    await console.page.context.set_offline(False)
    await expect(console.button("Send")).to_be_enabled()
    await console.field.press("Enter")

    await expect(console.texts).to_have_text(["Hello"])
    assert [content for content, _ in await console.stored()] == ["Hello", "Hello"]


@pytest.mark.parametrize("place", ["there", "in another new chat"])
async def test_a_first_message_that_is_refused_can_be_sent_again(console: ConsolePage, place: str) -> None:
    may_answer = asyncio.Event()

    async def refuse_late(route: Route, request: Request) -> None:
        if request.method == "POST":
            await may_answer.wait()
            await route.fulfill(status=403, json={"detail": "Not today."})
        else:
            await route.continue_()

    await console.page.route("**/api/conversations", refuse_late)
    await console.send("Hello")
    await expect(console.asked).to_contain_text("Sending …")
    if place == "in another new chat":
        await console.button("New chat").click()
        await expect(console.asked).to_have_count(0)
    may_answer.set()

    await expect(console.field).to_have_value("Hello")
    await expect(console.page.get_by_role("alert")).to_have_text("Not today.")
    await console.page.unroute("**/api/conversations")
    await console.field.press("Enter")
    await expect(console.texts).to_have_text(["Hello"])


async def test_a_new_chat_can_be_begun_while_another_one_waits(console: ConsolePage) -> None:
    await console.send("Before")
    await expect(console.texts).to_have_text(["Hello"])
    await console.page.context.set_offline(True)
    await console.send("Hello again")
    await console.field.fill("A draft")
    await expect(console.waiting_note).to_be_visible()

    await console.button("New chat").click()
    await expect(console.page.get_by_role("heading", level=1)).to_have_text("New chat")
    await expect(console.field).to_have_value("")
    assert "#/c/" not in console.page.url
    await console.field.fill("Another thought")
    await console.page.context.set_offline(False)
    await console.page.reload()

    await expect(console.field).to_have_value("Another thought")
    await console.titles.click()
    await expect(console.field).to_have_value("A draft")
