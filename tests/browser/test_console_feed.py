"""The built-in page: what happens elsewhere appears by itself."""

from __future__ import annotations

from typing import Any

from playwright.async_api import expect

from tests.browser.console_page import TOKEN, ConsolePage
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, BOB, PAUSED, LiveService
from tests.integration.faults.waiting import eventually

TOKEN_OF_BOB = BOB["Authorization"].removeprefix("Bearer ")
#: More changes than a feed tells one by one.
TOO_MANY = 201


async def feeds_to_open(service: LiveService, count: int) -> None:
    """Returns when this number of feeds is open."""

    def are_open() -> bool:
        lines = service.container.metrics().exposition().decode().splitlines()
        [figure] = [line for line in lines if line.startswith("chatcore_open_feeds ")]
        return int(float(figure.split()[1])) == count

    await eventually(are_open, within=20, what=f"{count} feeds are open")


async def create(service: LiveService, title: str, headers: dict[str, str] = ALICE) -> str:
    """Creates a conversation; returns its path."""
    response = await service.client.post("/api/conversations", json={"title": title}, headers=headers)
    assert response.status_code == 201
    return str(response.headers["location"])


async def change(service: LiveService, path: str, **changes: Any) -> None:  # noqa: ANN401 - any JSON
    """Changes a conversation as another device would."""
    assert (await service.client.patch(path, json=changes, headers=ALICE)).status_code == 200


async def test_what_is_created_renamed_pinned_and_deleted_elsewhere_appears(
    console: ConsolePage, service: LiveService
) -> None:
    await feeds_to_open(service, 1)
    older = await create(service, "The older one")
    await expect(console.titles).to_have_text(["The older one"])
    newer = await create(service, "The newer one")
    await expect(console.titles).to_have_text(["The newer one", "The older one"])

    await change(service, older, title="A better title", is_pinned=True)
    await expect(console.titles).to_have_text(["A better title", "The newer one"])
    await service.client.delete(newer, headers=ALICE)
    await expect(console.titles).to_have_text(["A better title"])
    await change(service, older, is_archived=True)
    await expect(console.titles).to_have_count(0)


async def test_a_reply_that_is_begun_elsewhere_is_marked_until_it_ends(
    console: ConsolePage, service: LiveService
) -> None:
    await feeds_to_open(service, 1)
    service.inference.play(*PAUSED)
    await service.begin("Elsewhere")
    mark = console.titles.get_by_label("A reply is being written")

    await expect(mark).to_be_visible()
    await expect(console.titles).to_have_text(["Elsewhere"])
    service.inference.release()

    await expect(mark).to_have_count(0)


async def test_what_happened_while_the_connection_was_lost_appears_afterwards(
    console: ConsolePage, service: LiveService
) -> None:
    path = await create(service, "Before")
    await expect(console.titles).to_have_text(["Before"])

    await console.page.context.set_offline(True)
    service.container.stream_monitor().end_all()
    await feeds_to_open(service, 0)
    await change(service, path, title="Changed meanwhile")
    await console.page.context.set_offline(False)

    await expect(console.titles).to_have_text(["Changed meanwhile"])


async def test_when_too_much_has_happened_the_list_is_loaded_again(console: ConsolePage, service: LiveService) -> None:
    gone = await create(service, "Gone")
    await expect(console.titles).to_have_text(["Gone"])

    await console.page.context.set_offline(True)
    service.container.stream_monitor().end_all()
    await feeds_to_open(service, 0)
    for number in range(TOO_MANY):
        await create(service, f"Number {number}")
    await service.client.delete(gone, headers=ALICE)
    await console.page.context.set_offline(False)

    await expect(console.titles.first).to_have_text(f"Number {TOO_MANY - 1}")
    await expect(console.titles.get_by_text("Gone")).to_have_count(0)


async def test_a_conversation_that_is_being_deleted_does_not_come_back(
    console: ConsolePage, service: LiveService
) -> None:
    path = await create(service, "Going")
    other = await create(service, "Staying")
    await expect(console.titles).to_have_text(["Staying", "Going"])
    await console.titles.last.hover()
    await console.button("Delete").last.click()
    await expect(console.titles).to_have_text(["Staying"])

    await change(service, path, title="Still going")
    await change(service, other, title="Still staying")

    await expect(console.titles).to_have_text(["Still staying"])
    await console.button("Undo").click()
    await expect(console.titles).to_have_text(["Still staying", "Still going"])


# -- The open conversation -------------------------------------------------------------------------------------------


async def test_a_message_that_is_sent_elsewhere_appears_with_its_reply(
    console: ConsolePage, service: LiveService
) -> None:
    await console.send("Here")
    await expect(console.texts).to_have_text(["Hello"])
    path = f"/api/conversations/{(await console.conversation())['id']}"
    service.inference.play(*PAUSED)
    other = {"content": "Elsewhere"}
    response = await service.client.post(f"{path}/messages", json=other, headers={**ALICE, "Prefer": "respond-async"})
    assert response.status_code == 202

    await expect(console.asked).to_have_text(["Here", "Elsewhere"])
    await expect(console.texts).to_have_text(["Hello", "Hel"])
    await expect(console.button("Stop")).to_be_visible()
    service.inference.release()

    await expect(console.texts).to_have_text(["Hello", "Hello"])
    await expect(console.button("Send")).to_be_visible()


async def test_the_title_of_the_open_conversation_changes(console: ConsolePage, service: LiveService) -> None:
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])

    await change(service, f"/api/conversations/{(await console.conversation())['id']}", title="Greetings")

    await expect(console.page.get_by_role("heading", level=1)).to_have_text("Greetings")


async def test_an_open_conversation_that_is_deleted_elsewhere_says_so(
    console: ConsolePage, service: LiveService
) -> None:
    await console.converse("Hello")

    await service.client.delete(f"/api/conversations/{(await console.conversation())['id']}", headers=ALICE)

    await expect(console.page.get_by_text("This conversation does not exist any more.")).to_be_visible()
    await expect(console.titles).to_have_count(0)
    await console.button("New chat").click()
    await console.send("Again")
    await expect(console.texts).to_have_text(["Hello"])


# -- Several tabs ----------------------------------------------------------------------------------------------------


async def test_the_tabs_of_a_browser_share_one_feed_and_show_the_same(
    console: ConsolePage, service: LiveService
) -> None:
    path = await create(service, "Before")
    await console.page.reload()
    await expect(console.titles).to_have_text(["Before"])
    other = await console.another_tab()
    await other.load()
    await expect(other.titles).to_have_text(["Before"])
    third = await console.another_tab()
    await third.load()

    for number in range(3):
        await change(service, path, title=f"Title {number}")
        for tab in (console, other, third):
            await expect(tab.titles).to_have_text([f"Title {number}"])
    await feeds_to_open(service, 1)


async def test_when_the_tab_that_reads_is_closed_another_one_goes_on_and_misses_nothing(
    console: ConsolePage, service: LiveService
) -> None:
    path = await create(service, "Before")
    await console.page.reload()
    await expect(console.titles).to_have_text(["Before"])
    await feeds_to_open(service, 1)
    other = await console.another_tab()
    await other.load()
    await expect(other.titles).to_have_text(["Before"])

    await console.page.close()
    await change(service, path, title="After")

    await expect(other.titles).to_have_text(["After"])


async def test_two_readers_in_one_browser_see_their_own_conversations_only(
    console: ConsolePage, service: LiveService
) -> None:
    path = await create(service, "Of Alice")
    await create(service, "Of Bob", BOB)
    await console.page.reload()
    await expect(console.titles).to_have_text(["Of Alice"])
    of_bob = await console.another_tab()
    await of_bob.load()
    await of_bob.change_reader(TOKEN_OF_BOB)
    await expect(of_bob.titles).to_have_text(["Of Bob"])
    await feeds_to_open(service, 2)
    again = await console.another_tab()
    await again.sign_in(TOKEN)

    await change(service, path, title="Changed by Alice")
    await expect(console.titles).to_have_text(["Changed by Alice"])
    await expect(again.titles).to_have_text(["Changed by Alice"])
    await create(service, "Another of Bob", BOB)

    await expect(of_bob.titles).to_have_text(["Another of Bob", "Of Bob"])
    await expect(console.titles).to_have_text(["Changed by Alice"])


_WITHOUT_LOCKS = """Object.defineProperty(Navigator.prototype, "locks", { value: undefined });"""
_SHOW = """(isHidden) => {
  Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


async def test_where_tabs_cannot_take_turns_only_the_one_that_is_seen_reads(
    console: ConsolePage, service: LiveService
) -> None:
    path = await create(service, "Before")
    await feeds_to_open(service, 1)
    await console.page.context.add_init_script(_WITHOUT_LOCKS)
    await console.page.reload()
    await expect(console.titles).to_have_text(["Before"])
    await change(service, path, title="Seen")
    await expect(console.titles).to_have_text(["Seen"])

    await console.page.evaluate(_SHOW, True)
    await feeds_to_open(service, 0)
    await change(service, path, title="Changed meanwhile")
    await console.page.evaluate(_SHOW, False)

    await expect(console.titles).to_have_text(["Changed meanwhile"])
    await feeds_to_open(service, 1)


async def test_a_place_that_comes_without_an_event_is_known(console: ConsolePage) -> None:
    read = await console.evaluate(
        "service/event-stream.js",
        """(() => {
          const places = [];
          const parser = new module.EventParser((place) => places.push(place));
          const events = argument.flatMap((text) => [...parser.take(text)]);
          return { places, ids: events.map(({ id }) => id) };
        })()""",
        [": welcome\n\nid: 5\n", "\nid: 7\nevent: deleted\ndata: {}\n\n", ": keep-alive\n\n"],
    )

    assert read == {"places": ["5", "7"], "ids": ["7"]}
