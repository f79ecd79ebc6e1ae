"""Examines a page with axe, a program that finds what keeps people from using it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from playwright.async_api import Page

_PROGRAM = Path(__file__).with_name("node_modules") / "axe-core/axe.min.js"

# Animations are ended first: a text that is fading in has too little contrast for a moment.
_EXAMINE = """(async () => {
  for (const animation of document.getAnimations()) {
    if (animation.effect.getComputedTiming().endTime < Infinity) animation.finish();
  }
  const { violations } = await axe.run(document);
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`));
})()"""


async def barriers(page: Page) -> list[str]:
    """Returns what axe finds that is serious or critical, each with the element."""
    await page.evaluate(_program())
    found: list[str] = await page.evaluate(_EXAMINE)
    return found


@cache
def _program() -> str:
    if not _PROGRAM.exists():
        pytest.fail("axe is not installed: run `make test-browser`, which needs npm.", pytrace=False)
    return f"{_PROGRAM.read_text()}; 0"
