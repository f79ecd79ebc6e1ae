"""Takes the pictures of the built-in page for the README: ``make screenshots``."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import structlog

from tests.browser.chromium import started_chromium
from tests.browser.console_page import open_console
from tests.browser.sample_chat import hold, store_older
from tests.browser.watched_tab import Screen
from tests.integration.entrypoints.chatcore_service.http_server import live_service

FOLDER = Path(__file__).resolve().parents[2] / "docs/images"
SCREENS = {
    "light": Screen(height=860),
    "dark": Screen(height=860, scheme="dark"),
    "phone": Screen(width=390, height=844, is_touched=True, scale=2),
}
_THINKING_SECONDS = 4.0

# The page prefers this font where it is installed, which is not so where there are no screens.
_INTER = Path(__file__).with_name("node_modules") / "@expo-google-fonts/inter"
_FONTS = f"<fontconfig><include>/etc/fonts/fonts.conf</include><dir>{_INTER}</dir></fontconfig>"


async def take_all(folder: Path) -> None:
    """Writes one picture for each screen into a folder that exists."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as fonts:
        fonts.write(_FONTS)
        fonts.flush()
        await asyncio.gather(*(_take(folder, name, screen, fonts.name) for name, screen in SCREENS.items()))


async def _take(folder: Path, name: str, screen: Screen, fonts: str) -> None:
    async with (
        started_chromium(environment={"FONTCONFIG_FILE": fonts}) as browser,
        live_service() as service,
        open_console(browser, service, screen=screen) as console,
    ):
        await store_older(service)
        await console.sign_in()
        await hold(console, seconds=_THINKING_SECONDS)
        await console.page.screenshot(path=folder / f"console-{name}.png")


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    asyncio.run(take_all(FOLDER))
