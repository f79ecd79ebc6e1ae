"""The built-in page: all conversations as a file, and conversations from a file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import FilePayload, Locator, Route, expect

from tests.browser.console_page import ConsolePage
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, BOB, LiveService
from tests.integration.faults.waiting import eventually

SCRIPT = "<script>window.attacked = 1</script><img src=x onerror='window.attacked = 1'>"


@pytest_asyncio.fixture(loop_scope="session")
async def transfer(console: ConsolePage) -> Locator:
    """Provides the open dialog."""
    await console.button("Import and export").click()
    dialog = console.page.get_by_role("dialog", name="Import and export")
    await expect(dialog).to_be_visible()
    return dialog


async def exported(console: ConsolePage, transfer: Locator) -> bytes:
    """Exports; returns the file."""
    async with console.page.expect_download() as downloading:
        await transfer.get_by_role("button", name="Export").click()
    download = await downloading.value
    assert download.suggested_filename == "conversations.jsonl"
    return await asyncio.to_thread(Path(await download.path()).read_bytes)


async def choose(transfer: Locator, name: str, content: bytes) -> None:
    """Chooses a file to import."""
    file = FilePayload(name=name, mimeType="application/octet-stream", buffer=content)
    await transfer.get_by_label("File").set_input_files(file)


async def test_what_is_exported_can_be_imported_by_somebody_else(
    console: ConsolePage, transfer: Locator, service: LiveService
) -> None:
    path = await service.conversation()
    await service.client.post(f"{path}/messages", json={"content": "Hello 😀"}, headers=ALICE)

    content = await exported(console, transfer)
    await expect(transfer.get_by_text("The file is complete.")).to_be_visible()
    assert [json.loads(line).get("title") for line in content.splitlines()] == [None, "Hello 😀"]
    of_bob = await console.another_tab()
    await of_bob.load()
    await of_bob.change_reader(BOB["Authorization"].removeprefix("Bearer "))
    await of_bob.button("Import and export").click()
    dialog = of_bob.page.get_by_role("dialog")
    await choose(dialog, "conversations.jsonl", content)

    await expect(dialog.get_by_text("1 imported, 0 skipped.")).to_be_visible()
    await of_bob.page.keyboard.press("Escape")
    await of_bob.titles.get_by_text("Hello 😀").click()
    await expect(of_bob.asked).to_have_text(["Hello 😀"])
    await expect(of_bob.texts).to_have_text(["Hello"])


async def test_what_could_not_be_imported_is_listed(
    console: ConsolePage, transfer: Locator, service: LiveService
) -> None:
    await service.client.post("/api/conversations", json={"title": "There already"}, headers=ALICE)
    head, there = (await exported(console, transfer)).splitlines()
    new = json.dumps({**json.loads(there), "id": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "title": "New here"}).encode()

    await choose(transfer, "mixed.jsonl", b"\n".join([head, there, b'{"id":"x"}', b"no JSON", new, b""]))

    await expect(transfer.get_by_text("1 imported, 3 skipped:")).to_be_visible()
    problems = transfer.get_by_role("list", name="Problems").get_by_role("listitem")
    await expect(problems).to_have_count(2)
    await expect(problems.first).to_contain_text("Number 3:")
    await expect(console.page.get_by_text("New here")).to_be_attached()


@pytest.mark.parametrize(
    ("name", "content"), [("archive.zip", b"PK\x03\x04"), ("other.json", b'{"a":1}'), ("empty.jsonl", b"")]
)
async def test_another_file_is_refused_in_plain_words(transfer: Locator, name: str, content: bytes) -> None:
    await choose(transfer, name, content)

    await expect(transfer.get_by_role("alert")).to_contain_text("The file is neither an export of this service")
    await expect(transfer.get_by_label("File")).to_be_enabled()


async def test_how_much_has_been_sent_is_shown(console: ConsolePage, transfer: Locator) -> None:
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    await console.page.route("**/api/import", hold)

    await choose(transfer, "conversations.jsonl", b'{"format":"chatcore","version":1}\n')
    await eventually(lambda: bool(held), within=20, what="the file is being sent")
    await expect(transfer.get_by_role("progressbar")).to_be_visible()
    await expect(transfer.get_by_role("button", name="Export")).to_be_disabled()
    await held[0].continue_()

    await expect(transfer.get_by_text("0 imported, 0 skipped.")).to_be_visible()
    await expect(transfer.get_by_role("progressbar")).to_have_count(0)


async def test_an_imported_conversation_cannot_attack_the_page(
    console: ConsolePage, transfer: Locator, service: LiveService
) -> None:
    text = {"content_type": "text", "parts": [f"{SCRIPT}\n\n[link](javascript:window.attacked=1)"]}
    nodes = {
        "q": {"id": "q", "parent": None, "message": {"id": "q", "author": {"role": "user"}, "content": text}},
        "r": {"id": "r", "parent": "q", "message": {"id": "r", "author": {"role": "assistant"}, "content": text}},
    }
    of_chatgpt = [{"id": SCRIPT, "title": SCRIPT, "current_node": "r", "mapping": nodes}, {"id": 1, "title": SCRIPT}]

    await choose(transfer, f"{SCRIPT}.json", json.dumps(of_chatgpt).encode())
    await expect(transfer.get_by_text("1 imported, 1 skipped:")).to_be_visible()
    await console.page.keyboard.press("Escape")
    await expect(console.titles).to_have_text([SCRIPT])
    await console.titles.click()

    await expect(console.asked).to_contain_text([SCRIPT])
    await expect(console.texts.get_by_text("link")).to_be_visible()
    await expect(console.page.get_by_role("heading", level=1)).to_have_text(SCRIPT)
    assert await console.page.evaluate("window.attacked") is None
    assert await console.page.locator("#page img, #page script, #page a[href^=javascript]").count() == 0
    assert (await service.client.get("/api/conversations", headers=ALICE)).json()["items"][0]["title"] == SCRIPT
    # The policy also reports what it stops in the document in which the page takes a text apart.
    assert [error for error in console.tab.errors if "olicy" not in error] == []
    console.tab.errors.clear()


async def test_an_export_that_breaks_off_is_no_file(console: ConsolePage, transfer: Locator) -> None:
    await console.page.route("**/api/export", lambda route: route.fulfill(body='{"format":"chatcore"}\n{"id":'))

    await transfer.get_by_role("button", name="Export").click()

    await expect(transfer.get_by_role("alert")).to_have_text("The export broke off before its end.")
