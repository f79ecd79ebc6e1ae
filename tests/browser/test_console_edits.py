"""The built-in page: messages that the reader edits."""

from __future__ import annotations

from playwright.async_api import Route, expect

from tests.browser.console_page import ConsolePage
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService


async def test_an_edited_message_begins_a_branch_and_both_versions_can_be_shown(
    console: ConsolePage, service: LiveService
) -> None:
    service.inference.say("Of tea")
    await console.send("Tell me of tea")
    await expect(console.texts).to_have_text(["Of tea"])
    await console.send("More")
    await expect(console.texts).to_have_count(2)
    service.inference.say("Of coffee")

    await console.edit(console.asked.first, "Tell me of coffee")

    await expect(console.asked).to_have_text(["Tell me of coffee 2/2"], use_inner_text=True)
    await expect(console.texts).to_have_text(["Of coffee"])
    assert [message["content"] for message in await console.tree() if message["role"] == "user"] == [
        "Tell me of tea",
        "More",
        "Tell me of coffee",
    ]
    await console.asked.first.get_by_role("button", name="Previous version").click()
    await expect(console.asked).to_have_count(2)
    await expect(console.texts.first).to_have_text("Of tea")
    await expect(console.asked.first.get_by_role("button", name="Previous version")).to_be_disabled()
    await console.asked.first.get_by_role("button", name="Next version").click()
    await expect(console.texts).to_have_text(["Of coffee"])
    await console.page.reload()
    await expect(console.texts).to_have_text(["Of coffee"])


async def test_an_edit_in_the_middle_keeps_what_comes_before(console: ConsolePage) -> None:
    await console.converse("One", "Two", "Three")

    await console.edit(console.asked.nth(1), "Other")

    await expect(console.asked).to_have_count(2)
    await expect(console.asked.first).to_contain_text("One")
    await expect(console.asked.last).to_contain_text("Other")
    await expect(console.asked.last).to_contain_text("2/2")


async def test_a_key_gives_an_edit_up(console: ConsolePage) -> None:
    await console.send("One")
    await expect(console.texts).to_have_count(1)
    await console.begin_edit(console.asked)
    await console.edited.fill("Something else")

    await console.edited.press("Escape")

    await expect(console.edited).to_have_count(0)
    await expect(console.asked).to_contain_text("One")
    assert [content for content, _ in await console.stored()] == ["One", "Hello"]


async def test_an_edit_whose_answer_was_lost_branches_once(console: ConsolePage) -> None:
    await console.send("One")
    await expect(console.texts).to_have_count(1)
    posted = await console.lose_first_answer("**/messages")

    await console.edit(console.asked, "Two")

    await expect(console.asked.last).to_contain_text("2/2")
    await expect(console.texts).to_have_text(["Hello"])
    assert (len(posted), len({request.headers["idempotency-key"] for request in posted})) == (2, 1)
    assert len(await console.tree()) == 4


async def test_a_key_that_sends_an_edit_in_the_same_frame_as_the_last_one_sends_everything(
    console: ConsolePage,
) -> None:
    await console.send("One")
    await expect(console.texts).to_have_count(1)
    await console.begin_edit(console.asked)
    # The page is drawn once in a frame, and both events come before that.
    await console.edited.evaluate(
        """(field) => {
          field.value = "Quick";
          field.dispatchEvent(new InputEvent("input", { bubbles: true }));
          field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
        }"""
    )

    await expect(console.asked).to_contain_text("2/2")
    await expect(console.asked).to_contain_text("Quick")


async def test_an_edit_that_was_not_sent_is_edited_again_in_its_place(console: ConsolePage) -> None:
    await console.send("One")
    await expect(console.texts).to_have_count(1)
    await console.page.route("**/messages", lambda route: route.fulfill(status=422, json={"detail": "Too long."}))

    await console.edit(console.asked, "Two")

    await expect(console.page.get_by_role("alert")).to_have_text("Too long.")
    await expect(console.edited).to_have_value("Two")
    await expect(console.page.locator("#message")).to_have_value("")
    await console.page.unroute("**/messages")
    await console.edited.press("Enter")
    await expect(console.asked).to_contain_text("2/2")


async def test_while_an_edit_is_on_its_way_what_it_replaces_is_not_shown(console: ConsolePage) -> None:
    await console.converse("One", "Two")
    is_lost = True

    async def lose(route: Route) -> None:
        await (route.abort() if is_lost else route.fallback())

    await console.page.route("**/messages", lose)

    await console.edit(console.asked.first, "Other")

    await expect(console.asked).to_have_count(1)
    await expect(console.asked).to_contain_text("Sending …")
    await console.page.reload()
    await expect(console.asked).to_have_count(1)
    await expect(console.asked).to_contain_text("Sending …")
    is_lost = False
    await expect(console.asked).to_contain_text("2/2")


async def test_an_edit_survives_a_reload_and_the_way_back(console: ConsolePage) -> None:
    await console.send("One")
    await expect(console.texts).to_have_count(1)
    await console.begin_edit(console.asked)
    await console.edited.fill("Something else")

    await console.page.reload()
    await expect(console.edited).to_have_value("Something else")
    await console.button("New chat").click()
    await expect(console.edited).to_have_count(0)
    await console.titles.first.click()
    await expect(console.edited).to_have_value("Something else")

    await console.edited.press("Enter")
    await expect(console.asked).to_contain_text("2/2")
    await console.page.reload()
    await expect(console.asked).to_contain_text("Something else")
    await expect(console.edited).to_have_count(0)


async def test_an_edit_that_is_too_long_is_not_sent(console: ConsolePage) -> None:
    await console.send("One")
    await expect(console.texts).to_have_count(1)
    await console.begin_edit(console.asked)

    await console.edited.fill("😀" * 8001)
    await expect(console.page.get_by_text("8001 of at most 8000 characters")).to_be_visible()
    await expect(console.log.get_by_role("button", name="Send")).to_be_disabled()
    await console.edited.press("Enter")
    await expect(console.edited).to_be_visible()

    await console.edited.fill("Two")
    await console.edited.press("Enter")
    await expect(console.asked).to_contain_text("2/2")
    assert len(await console.tree()) == 4


async def test_the_text_of_an_edit_outlives_its_message(console: ConsolePage) -> None:
    await console.converse("One", "Two")
    await console.begin_edit(console.asked.last)
    await console.edited.fill("Something else")
    conversation = await console.conversation()
    message = next(message for message in conversation["messages"] if message["content"] == "Two")

    path = f"/api/conversations/{conversation['id']}/messages/{message['id']}"
    await console.service.client.delete(path, headers=ALICE)

    await expect(console.asked).to_have_count(1)
    await expect(console.field).to_have_value("Something else")
    await expect(console.page.get_by_role("button", name="Latest")).to_have_count(0)


async def test_a_double_click_sends_an_edit_once(console: ConsolePage) -> None:
    await console.send("One")
    await expect(console.texts).to_have_count(1)
    await console.begin_edit(console.asked)
    await console.edited.fill("Two")

    await console.log.get_by_role("button", name="Send").dblclick()

    await expect(console.asked).to_contain_text("2/2")
    assert len(await console.tree()) == 4


async def test_what_was_typed_for_one_message_is_not_lost_to_another(console: ConsolePage) -> None:
    await console.converse("One", "Two")
    await console.begin_edit(console.asked.first)
    await console.begin_edit(console.asked.last)
    await expect(console.edited).to_have_value("Two")
    await console.edited.fill("Something else")

    await console.begin_edit(console.asked.first)

    await expect(console.edited).to_have_value("Something else")


async def test_an_edit_waits_while_another_version_is_shown(console: ConsolePage) -> None:
    await console.send("One")
    await expect(console.texts).to_have_count(1)
    await console.edit(console.asked, "Two")
    await expect(console.asked).to_contain_text("2/2")
    await expect(console.log).to_have_attribute("aria-busy", "false")
    await console.begin_edit(console.asked)
    await console.edited.fill("Something else")
    one = next(message for message in await console.tree() if message["content"] == "One")
    path = f"/api/conversations/{(await console.conversation())['id']}"

    await console.service.client.patch(path, json={"head_id": one["id"], "follow": True}, headers=ALICE)
    await expect(console.asked).to_contain_text("One")
    await expect(console.field).to_have_value("")
    await console.asked.get_by_role("button", name="Next version").click()

    await expect(console.edited).to_have_value("Something else")
