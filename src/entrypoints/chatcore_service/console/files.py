"""Provides the files of the built-in page, compressed once for each process.

Nearly all files have a path below the digest of all files. So browsers may keep them forever, the modules can import
each other by relative paths, and a browser never mixes the files of two versions. The page itself has the same path in
all versions, and so has the script that loads it again: while replicas of two versions run, the one that is asked for a
file may not have it. The page names its files relative to its own address, so the service can be behind a path of a
proxy.
"""

import gzip
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from attrs import frozen

_PAGE = "index.html"
_LOADING = "loading.js"
# The style sheets that every visit needs, in the order in which they apply. They are served as one file: a browser
# paints nothing before it has them, and one file arrives sooner than six.
_STYLES = tuple(f"styles/{name}.css" for name in ("theme", "controls", "layout", "sidebar", "messages", "versions"))
_ALL_STYLES = "styles.css"
# The places in the page for the digest, and for the modules that every visit needs: a browser that finds out one by one
# which modules import which others needs a round trip for each level.
_DIGEST = "{digest}"
_PRELOADS = "{preloads}"
_LATER = (
    *("vendor/", "markdown/", "panels/", "sign-in/by-", "sign-in/sessions.js"),
    *("views/clipboard.js", "views/edit-message.js", "views/found-words.js"),
)
_DIGEST_CHARS = 16
# A visit transfers a tag for each of dozens of files.
_TAG_CHARS = 8
_MEDIA_TYPES = {"css": "text/css", "html": "text/html; charset=utf-8", "js": "text/javascript", "svg": "image/svg+xml"}
# Files of libraries that no page loads, such as licences, have another type or none.


@frozen
class CompressedFile:
    """A file of the page, as it is and compressed."""

    media_type: str
    content: bytes
    compressed: bytes
    #: The beginning of the entity tags, without quotes.
    tag: str


@frozen
class ConsoleFiles:
    """All files that a browser loads."""

    #: The digest of all files, which is part of their paths.
    digest: str
    page: CompressedFile
    #: The script that loads the page again if some of its files have not arrived.
    loading: CompressedFile
    #: The files that the page loads below the digest, by their paths there.
    by_name: Mapping[str, CompressedFile]


@cache
def console_files() -> ConsoleFiles:
    """Reads and compresses all files; the first call takes about 50 ms."""
    contents = dict(_contents(files("chatcore_service.console") / "page", ""))
    contents[_ALL_STYLES] = b"\n".join(contents.pop(name) for name in _STYLES)
    total = hashlib.sha256()
    for name in sorted(contents):
        total.update(name.encode() + b"\0" + hashlib.sha256(contents[name]).digest())
    digest = total.hexdigest()[:_DIGEST_CHARS]
    loading = _compressed(_LOADING, contents.pop(_LOADING))
    page = _filled(contents.pop(_PAGE).decode(), digest, contents)
    return ConsoleFiles(
        digest=digest,
        page=_compressed(_PAGE, page),
        loading=loading,
        by_name={name: _compressed(name, content) for name, content in contents.items()},
    )


def _filled(page: str, digest: str, names: Iterable[str]) -> bytes:
    modules = [name for name in sorted(names) if name.endswith(".js") and not name.startswith(_LATER)]
    links = [f'<link rel="modulepreload" href="console/{digest}/{name}">' for name in modules]
    return page.replace(_DIGEST, digest).replace(_PRELOADS, "\n    ".join(links)).encode()


def _contents(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _contents(entry, f"{prefix}{entry.name}/")
        elif entry.name.rpartition(".")[2] in _MEDIA_TYPES:
            yield f"{prefix}{entry.name}", entry.read_bytes()


def _compressed(name: str, content: bytes) -> CompressedFile:
    return CompressedFile(
        media_type=_MEDIA_TYPES[name.rpartition(".")[2]],
        content=content,
        # The time is fixed, so that all processes have the same bytes.
        compressed=gzip.compress(content, mtime=0),
        tag=hashlib.sha256(content).hexdigest()[:_TAG_CHARS],
    )
