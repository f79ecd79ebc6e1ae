"""Measures how quickly the built-in page shows what is typed."""

from __future__ import annotations

from statistics import median

from tests.browser.console_page import ConsoleTab

#: The page promises that a frame with a typed character takes no longer.
MOST_MILLISECONDS_OF_A_FRAME = 50

_TYPE = """async (text) => {
  const field = document.querySelector("#message");
  const shown = () =>
    new Promise((resolve) => {
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = resolve;
        port2.postMessage(null);
      });
    });
  const times = [];
  for (const character of text) {
    await shown();
    const pressed = performance.now();
    field.setRangeText(character, field.value.length, field.value.length, "end");
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await shown();
    times.push(performance.now() - pressed);
  }
  return times;
}"""


async def milliseconds_of_a_frame(console: ConsoleTab, text: str) -> float:
    """Types a text; returns how long it takes until a character is shown, the next frame included.

    The value is the median, because on a machine with other work, some frames are late.
    """
    times: list[float] = await console.page.evaluate(_TYPE, text)
    return median(times)
