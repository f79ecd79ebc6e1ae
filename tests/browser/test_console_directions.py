"""The built-in page: texts that are written from right to left."""

from __future__ import annotations

from playwright.async_api import Locator, expect

from tests.browser.console_page import ConsolePage
from tests.integration.entrypoints.chatcore_service.http_server import LiveService


async def test_a_paragraph_has_the_direction_of_its_text(console: ConsolePage, service: LiveService) -> None:
    service.inference.say("שלום עולם\n\nHello world")
    await console.send("مرحبا")

    await expect(console.texts.locator("p")).to_have_count(2)
    assert await directions(console.log.locator("p")) == ["rtl", "rtl", "ltr"]


async def test_marks_and_columns_begin_on_the_side_of_the_text(console: ConsolePage, service: LiveService) -> None:
    lists = "- שלום\n- Hello\n\n1. שלום\n\n2. עולם\n\n- Hello\n- שלום\n\n"
    service.inference.say(f"{lists}> שלום\n\n> Hello\n\n|שלום|עולם|\n|-|:-:|\n|1|2|\n")
    await console.send("Hello")

    await expect(console.texts.locator("table")).to_have_count(1)
    assert await directions(console.texts.locator("ul, ol")) == ["rtl", "rtl", "ltr"]
    assert await directions(console.texts.locator("blockquote")) == ["rtl", "ltr"]
    assert await directions(console.texts.locator("table")) == ["rtl"]
    alignments = "(cells) => cells.map((cell) => getComputedStyle(cell).textAlign.replace('-webkit-', ''))"
    assert await console.texts.locator("th").evaluate_all(alignments) == ["start", "center"]


async def directions(elements: Locator) -> list[str]:
    computed = "(elements) => elements.map((element) => getComputedStyle(element).direction)"
    found: list[str] = await elements.evaluate_all(computed)
    return found
