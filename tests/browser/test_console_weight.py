"""The built-in page: what a visit transfers, and that the reader can type however much is shown."""

from __future__ import annotations

from playwright.async_api import Browser, Page, expect

from chatcore_memory import DONE_FRAME, PAUSE, token_frame
from tests.browser.console_page import ConsolePage, open_console
from tests.browser.typing_speed import MOST_MILLISECONDS_OF_A_FRAME, milliseconds_of_a_frame
from tests.integration.entrypoints.chatcore_service.http_server import LiveService

MOST_BYTES_OF_A_VISIT = 100_000
# Several times what a loaded machine takes to show the beginning of half a megabyte.
_LONG_MILLISECONDS = 120_000


async def test_a_first_visit_transfers_little(browser: Browser, service: LiveService) -> None:
    async with open_console(browser, service) as console:
        received = await _count_bytes(console.page)
        await console.sign_in()
        await expect(console.page.get_by_text("Your conversations will be listed here.")).to_be_visible()

    assert 10_000 < sum(received) <= MOST_BYTES_OF_A_VISIT


async def test_the_next_visit_transfers_next_to_nothing(console: ConsolePage) -> None:
    received = await _count_bytes(console.page)

    await console.page.reload()
    await expect(console.page.get_by_text("Your conversations will be listed here.")).to_be_visible()

    assert sum(received) < 5_000


async def test_one_can_type_while_half_a_megabyte_arrives(console: ConsolePage, service: LiveService) -> None:
    lines = [f"Line {number} with some **words** in it, and `code`, and more of it.\n\n" for number in range(8000)]
    service.inference.play(token_frame("".join(lines[:10])), PAUSE, token_frame("".join(lines[10:])), DONE_FRAME)
    await console.send("Hello")
    await expect(console.texts).to_contain_text("Line 9 with")
    service.inference.release()
    await expect(console.texts).to_contain_text("Line 100 with", timeout=_LONG_MILLISECONDS)

    milliseconds = await milliseconds_of_a_frame(console, "How long does it take? " * 2)

    await expect(console.texts).not_to_contain_text("Line 7999 with")
    await expect(console.field).to_have_value("How long does it take? " * 2)
    assert milliseconds < MOST_MILLISECONDS_OF_A_FRAME


async def _count_bytes(page: Page) -> list[float]:
    """Returns a list to which the size of every response over the wire is added, with its headers."""
    received: list[float] = []
    session = await page.context.new_cdp_session(page)
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    await session.send("Network.enable")
    return received
