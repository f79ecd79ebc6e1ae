"""The pictures of the README can be taken, and are of a size that a README bears."""

from __future__ import annotations

from pathlib import Path

from tests.browser.screenshots import FOLDER, SCREENS, take_all

_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_BYTES = 200_000


async def test_every_picture_is_taken_in_its_size(tmp_path: Path) -> None:
    await take_all(tmp_path)

    taken = _pictures(tmp_path)
    assert taken.keys() == _pictures(FOLDER).keys()
    assert all(picture.startswith(_PNG) and len(picture) < _MOST_BYTES for picture in taken.values())
    for name, screen in SCREENS.items():
        width = int.from_bytes(taken[f"console-{name}.png"][16:20], "big")
        assert width == screen.width * screen.scale


def _pictures(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
