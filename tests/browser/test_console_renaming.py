"""The built-in page: the reader gives a conversation another title, in its place in the list."""

from __future__ import annotations

from playwright.async_api import Locator, Request, expect

from tests.browser.console_list import create, create_all, listed, press
from tests.browser.console_page import ConsolePage
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService


def field(console: ConsolePage) -> Locator:
    """Returns the field in which one writes a title."""
    return console.page.get_by_role("textbox", name="Title")


def count_changes(console: ConsolePage) -> list[str]:
    """Returns a list to which the body of each change of a conversation is added."""
    bodies: list[str] = []

    def record(request: Request) -> None:
        if request.method == "PATCH":
            bodies.append(request.post_data or "")

    console.page.on("request", record)
    return bodies


async def test_a_title_is_changed_in_place_or_left_as_it_is(console: ConsolePage, service: LiveService) -> None:
    await create(service, "A title")
    title = console.page.get_by_role("textbox", name="Title")

    await press(console, "A title", "Rename")
    await expect(title).to_be_focused()
    await expect(title).to_have_value("A title")
    await title.fill("Another")
    await title.press("Escape")
    await expect(console.titles).to_have_text(["A title"])
    await press(console, "A title", "Rename")
    await title.fill("   ")
    await title.press("Enter")
    await expect(console.titles).to_have_text(["A title"])
    await press(console, "A title", "Rename")
    await title.fill("  Better <b>x</b> 😀 ")
    await title.press("Enter")

    await expect(console.titles).to_have_text(["Better <b>x</b> 😀"])
    assert [conversation["title"] for conversation in await listed(service)] == ["Better <b>x</b> 😀"]


async def test_the_new_title_of_the_open_conversation_is_shown_above_it(
    console: ConsolePage, service: LiveService
) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    await press(console, "Hello", "Rename")
    await console.page.get_by_role("textbox", name="Title").fill("Greetings")
    await console.page.keyboard.press("Enter")

    await expect(console.page.get_by_role("heading", level=1)).to_have_text("Greetings")
    assert [conversation["title"] for conversation in await listed(service)] == ["Greetings"]


async def test_a_title_is_kept_when_the_reader_goes_elsewhere(console: ConsolePage, service: LiveService) -> None:
    await create_all(console, "A title")
    changes = count_changes(console)
    await press(console, "A title", "Rename")
    await field(console).fill("Another")

    await console.field.click()

    await expect(console.titles).to_have_text(["Another"])
    await expect(console.field).to_be_focused()
    assert [conversation["title"] for conversation in await listed(service)] == ["Another"]
    assert len(changes) == 1


async def test_a_title_is_sent_once(console: ConsolePage) -> None:
    await create_all(console, "A title")
    changes = count_changes(console)
    await press(console, "A title", "Rename")
    await field(console).fill("Another")

    # The field is there until the page is drawn.
    await field(console).evaluate("(field) => { field.form.requestSubmit(); field.blur(); }")

    await expect(console.titles).to_have_text(["Another"])
    assert len(changes) == 1


async def test_a_title_that_is_empty_or_the_same_is_not_sent(console: ConsolePage) -> None:
    await create_all(console, "A title")
    changes = count_changes(console)
    for typed in ("", "   ", " A title "):
        for leave in ("Enter", "Tab", "Escape"):
            await press(console, "A title", "Rename")
            await expect(field(console)).to_be_focused()
            await field(console).fill(typed)
            await field(console).press(leave)
            # The browser itself asks for a title.
            if (typed, leave) == ("", "Enter"):
                await field(console).press("Escape")
            await expect(field(console)).to_have_count(0)

    await expect(console.titles).to_have_text(["A title"])
    assert changes == []


async def test_a_title_can_be_finished_after_a_look_at_another_window(console: ConsolePage) -> None:
    await create_all(console, "A title")
    await press(console, "A title", "Rename")
    await field(console).fill("Ano")

    # As browsers do when their window is left: the element stays the active one of its page.
    await field(console).evaluate("(field) => field.dispatchEvent(new FocusEvent('blur'))")
    await field(console).press_sequentially("ther")
    await field(console).press("Enter")

    await expect(console.titles).to_have_text(["Another"])


async def test_a_title_can_be_finished_while_the_list_moves(console: ConsolePage, service: LiveService) -> None:
    await create_all(console, "One", "Two", "Three")
    changes = count_changes(console)
    await press(console, "One", "Rename")
    await field(console).fill("The fir")
    await field(console).press("End")

    await create(service, "Four")
    await expect(console.titles).to_have_count(3)
    await expect(console.titles.first).to_have_text("Four")
    await expect(field(console)).to_be_focused()
    await console.page.keyboard.type("st")
    assert changes == []
    await console.page.keyboard.press("Enter")

    await expect(console.titles.last).to_have_text("The first")


async def test_a_title_that_comes_from_elsewhere_does_not_disturb_the_writing(
    console: ConsolePage, service: LiveService
) -> None:
    await create_all(console, "A title")
    await press(console, "A title", "Rename")
    await field(console).fill("My own")

    conversation = (await listed(service))[0]
    path = f"/api/conversations/{conversation['id']}"
    await service.client.patch(path, json={"title": "From elsewhere", "is_pinned": True}, headers=ALICE)
    await expect(console.page.get_by_role("heading", name="Pinned")).to_be_visible()

    await expect(field(console)).to_have_value("My own")
    await field(console).press("Enter")
    await expect(console.titles).to_have_text(["My own"])
