"""The built-in page: how messages are delivered, whatever happens to the connection."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Request, Route, expect

from tests.browser.console_page import ConsolePage
from tests.integration.entrypoints.chatcore_service.http_server import LiveService
from tests.integration.faults.waiting import eventually


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


async def test_what_could_not_be_done_is_not_held_against_a_connection_that_is_back(console: ConsolePage) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    await console.hurry()
    await console.lose_connection()
    await console.button("Try again").click()
    await expect(console.page.get_by_role("alert")).to_have_text("The service cannot be reached.")

    await console.page.context.set_offline(False)

    await expect(console.page.get_by_role("alert")).to_have_count(0)


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
    posted = await console.lose_first_answer("**/messages")
    await console.send("Hello")

    await expect(console.texts).to_have_text(["Good morning"])
    assert await console.stored() == [("Hello", "complete"), ("Good morning", "complete")]
    assert len(posted) == 2
    assert len({request.headers["idempotency-key"] for request in posted}) == 1


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
    posted = await console.lose_first_answer("**/api/conversations")
    await console.send("Hello")

    await expect(console.texts).to_have_text(["Hello"])
    assert len(posted) == 2
    assert len({request.post_data for request in posted}) == 1
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
