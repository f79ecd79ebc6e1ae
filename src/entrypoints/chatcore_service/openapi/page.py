"""Provides the docs page and the files that the page loads.

A vendored renderer draws the OpenAPI document in the browser. The renderer's version is in ``renderer/manifest.json``,
and ``make docs-renderer`` replaces the renderer.
"""

import hashlib
from importlib.resources import files

from attrs import frozen

from chatcore_service.http import paths

_FOLDER = files("chatcore_service.openapi")


@frozen
class StaticFile:
    """A file that is served unchanged."""

    path: str
    media_type: str
    content: bytes


def _asset(name: str, media_type: str) -> StaticFile:
    """Reads a file. Its path contains the hash of its content, so that browsers may keep the file forever."""
    content = _FOLDER.joinpath(name).read_bytes()
    stem, _, suffix = name.rpartition("/")[2].rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:16]
    return StaticFile(f"{paths.DOCS}/{stem}-{digest}.{suffix}", media_type, content)


def _page() -> StaticFile:
    html = _FOLDER.joinpath("page.html").read_text()
    html = html.format(stylesheet=_STYLESHEET.path, renderer=_RENDERER.path, document=paths.OPENAPI)
    return StaticFile(paths.DOCS, "text/html", html.encode())


_STYLESHEET = _asset("page.css", "text/css")
_RENDERER = _asset("renderer/openapi-explorer.min.js", "text/javascript")

#: The files that the page loads.
ASSETS = (_STYLESHEET, _RENDERER)

PAGE = _page()
