"""The built-in page: searching as one types, and opening what was found."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, Locator, Request, Route, expect

from tests.browser.console_page import ConsolePage, open_console
from tests.browser.watched_tab import Screen
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService
from tests.integration.faults.waiting import eventually

#: Emoji have two UTF-16 units, and a family has several code points, so counting anything but code points shows.
FAMILY = "👩‍👩‍👧 😀"


def field(console: ConsolePage) -> Locator:
    """Returns the field in which one searches."""
    return console.page.get_by_role("searchbox", name="Search conversations")


def results(console: ConsolePage) -> Locator:
    """Returns the links to what was found."""
    return console.page.get_by_role("list", name="Search results").get_by_role("link")


async def tell(service: LiveService, *contents: str) -> str:
    """Makes a conversation with these messages; returns its path."""
    path = await service.conversation()
    for content in contents:
        response = await service.client.post(f"{path}/messages", json={"content": content}, headers=ALICE)
        assert response.status_code == 200
    return path


async def marked(console: ConsolePage, *words: str) -> None:
    """Returns when these words are marked in a message."""

    async def are_marked() -> bool:
        texts: list[str] = await console.page.evaluate("[...(CSS.highlights.get('found') ?? [])].map(String)")
        return texts == list(words)

    await eventually(are_marked, within=20, what=f"these are marked: {words}")


async def test_what_is_typed_is_found_and_marked(console: ConsolePage, service: LiveService) -> None:
    await tell(service, f"{FAMILY} We met a zebra in the Garden")
    await tell(service, "A zebra without stripes")
    await tell(service, "Nothing of the kind")
    await console.found("zeb", 2)

    await field(console).press_sequentially("zeb")
    await expect(results(console)).to_have_count(2)
    await field(console).press_sequentially("ra gard")

    await expect(results(console)).to_have_count(1)
    await expect(results(console).locator(".snippet")).to_have_text([f"{FAMILY} We met a zebra in the Garden"])
    await expect(results(console).locator("mark")).to_have_text(["zebra", "Gard"])
    await expect(console.page.get_by_text("1 found")).to_be_visible()
    await field(console).fill("unicorn")
    await expect(console.page.get_by_text("Nothing was found.")).to_be_visible()
    await field(console).press("Escape")
    await expect(console.titles).to_have_count(3)


async def test_a_title_is_found_and_is_no_markup(console: ConsolePage, service: LiveService) -> None:
    title = "<img src=x onerror=alert(1)> zebra"
    await service.client.post("/api/conversations", json={"title": title}, headers=ALICE)
    await console.found("zebra", 1)

    await field(console).fill("zebra")

    await expect(results(console)).to_have_text([title])
    await expect(results(console).locator("mark")).to_have_text(["zebra"])
    await expect(results(console).locator("img")).to_have_count(0)
    await results(console).click()
    await expect(console.page.get_by_role("heading", level=1)).to_have_text(title)


async def test_more_is_found_on_demand(console: ConsolePage, service: LiveService) -> None:
    for number in range(25):
        await tell(service, f"Zebra number {number}")
    await console.found("zebra", 25)
    await field(console).fill("zebra")
    await expect(results(console)).to_have_count(20)

    await console.button("Show more").click()

    await expect(results(console)).to_have_count(25)
    await expect(console.button("Show more")).to_have_count(0)


async def test_an_earlier_answer_that_comes_late_is_not_shown(console: ConsolePage, service: LiveService) -> None:
    await tell(service, "A zebra")
    await tell(service, "A giraffe")
    await console.found("giraffe", 1)
    await console.found("zebra", 1)
    held: list[Route] = []

    async def hold_the_first(route: Route, request: Request) -> None:
        if "q=zebra" in request.url:
            held.append(route)
        else:
            await route.continue_()

    await console.page.route("**/api/search?*", hold_the_first)
    await field(console).fill("zebra")
    await eventually(lambda: bool(held), within=20, what="the first request is there")
    await field(console).fill("giraffe")
    await expect(results(console)).to_have_count(1)
    await expect(results(console)).to_contain_text(["giraffe"])
    await held[0].abort()

    await expect(results(console)).to_contain_text(["giraffe"])
    await expect(console.page.get_by_text("1 found")).to_be_visible()


@pytest.mark.parametrize("keys", ["Control+k", "Meta+k"])
async def test_keys_lead_to_the_field_and_through_what_was_found(
    console: ConsolePage, service: LiveService, keys: str
) -> None:
    await tell(service, "The first zebra")
    await tell(service, "The second zebra")
    await console.found("zebra", 2)

    await console.page.keyboard.press(keys)
    await expect(field(console)).to_be_focused()
    await console.page.keyboard.type("zebra")
    await expect(results(console)).to_have_count(2)
    await console.page.keyboard.press("ArrowDown")
    await expect(results(console).first).to_be_focused()
    await console.page.keyboard.press("ArrowDown")
    await console.page.keyboard.press("Enter")

    await expect(console.asked).to_have_text(["The first zebra"])
    await console.page.keyboard.press(keys)
    await expect(field(console)).to_be_focused()
    await console.page.keyboard.press("Enter")
    await expect(console.asked).to_have_text(["The second zebra"])


async def test_on_a_narrow_screen_the_key_shows_the_list(browser: Browser, service: LiveService) -> None:
    async with open_console(browser, service, screen=Screen(width=360)) as console:
        await console.sign_in()
        await tell(service, "A zebra")
        await console.found("zebra", 1)

        await console.page.keyboard.press("Control+k")
        await expect(field(console)).to_be_focused()
        await console.page.keyboard.type("zebra")
        await results(console).click()

        await expect(console.asked).to_have_text(["A zebra"])
        await expect(field(console)).not_to_be_visible()


# -- Opening what was found ------------------------------------------------------------------------------------------


async def test_a_result_opens_at_its_message_however_far_above(console: ConsolePage, service: LiveService) -> None:
    await tell(service, "The only zebra", *(f"Message {number}" for number in range(60)))
    await console.found("zebra", 1)

    await field(console).fill("zebra")
    await results(console).click()

    await expect(console.asked.get_by_text("The only zebra")).to_be_in_viewport()
    # The reader stays there, and the search can go on.
    await expect(console.asked.get_by_text("Message 59")).not_to_be_in_viewport()
    await expect(results(console)).to_have_count(1)


async def test_a_result_opens_at_its_words_however_tall_the_messages_are(
    console: ConsolePage, service: LiveService
) -> None:
    """Messages that are not seen have no height of their own, so where the words are is known late."""
    service.inference.say("\n\n".join(f"Paragraph {number}." for number in range(400)), "\n\nAn **okapi** ate it.\n\n")
    tall = "\n".join(f"Line {number}" for number in range(300))
    await tell(service, tall)
    await console.found("okapi", 1)

    await field(console).fill("okapi")
    await results(console).click()

    await marked(console, "okapi")
    await expect(console.texts.first.get_by_text("okapi", exact=True)).to_be_in_viewport()
    # Where the reader scrolls to, the reader stays.
    await console.page.locator(".messages").hover()
    await console.page.mouse.wheel(0, -3000)
    await expect(console.texts.first.get_by_text("okapi")).not_to_be_in_viewport()


async def test_found_words_are_marked_however_late_the_text_is_rendered(
    console: ConsolePage, service: LiveService
) -> None:
    """Rendering a short text does not change its height."""
    rendering = asyncio.Event()

    async def load_late(route: Route) -> None:
        await rendering.wait()
        await route.continue_()

    service.inference.say("An okapi ate it.")
    await tell(service, "Who was it?")
    await console.found("okapi", 1)
    await console.page.route("**/markdown/rendering.js", load_late)
    await field(console).fill("okapi")
    await results(console).click()
    await expect(console.page.locator("markdown-text.plain")).to_have_text("An okapi ate it.")

    rendering.set()

    await expect(console.texts.locator("p")).to_have_text(["An okapi ate it."])
    await marked(console, "okapi")


async def test_a_result_in_a_branch_that_is_not_shown_shows_it(console: ConsolePage, service: LiveService) -> None:
    path = await tell(service, "Where do zebras live?")
    edited = {"content": "Where do giraffes live?", "parent_id": None}
    await service.client.post(f"{path}/messages", json=edited, headers=ALICE)
    await console.found("zebras", 1)
    await console.load(f"#/c/{path.rpartition('/')[2]}")
    await expect(console.asked).to_contain_text(["Where do giraffes live?"])

    await field(console).fill("zebras")
    await results(console).click()

    await expect(console.asked).to_contain_text(["Where do zebras live?"])


async def test_a_result_has_an_address_of_its_own(console: ConsolePage, service: LiveService) -> None:
    await tell(service, "The only zebra", *(f"Message {number}" for number in range(30)))
    await console.found("zebra", 1)
    await field(console).fill("zebra")
    await expect(results(console)).to_have_count(1)
    address = str(await results(console).get_attribute("href"))

    other = await console.another_tab()
    await other.load(address)

    await expect(other.asked.get_by_text("The only zebra")).to_be_in_viewport()
