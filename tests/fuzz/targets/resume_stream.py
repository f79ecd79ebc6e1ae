"""Checks that a reader of the resume stream gets exactly the text that a model sent."""

import json

from chatcore import Stretch
from chatcore.conversations.places import Place
from chatcore.text import TextRepair
from chatcore_inference.http.event_data import data_of
from chatcore_inference.http.sse import EventSplitter
from chatcore_service.streaming.sse import LogEncoder
from tests.fuzz.targets.chunks import chunks_in, cut, uncut

_TEXTS = (
    '\n\ndata: {"done":true}\n\n',
    "\r\rid: 9\r\r",
    "\u2028\u2029\u0085\ufeff\0",
    '"}\n\n\\u000a',
    "👩\u200d🚀",
)
SEEDS = tuple(make(text.encode("utf-16-le")) for text in _TEXTS for make in (cut, uncut))


def check(data: bytes) -> None:
    """Encodes a text token by token, and reads the frames as a client does."""
    repair = TextRepair()
    tokens = (chunk.decode("utf-16-le", "surrogatepass") for chunk in _pairs(chunks_in(data)))
    stretches = [*map(repair.feed, tokens), repair.flush()]
    encoder = LogEncoder(Place(0))
    frames: list[bytes] = []
    length = 0
    for text in filter(None, stretches):
        length += len(text)
        frames += encoder.encode(Stretch(text, length))
    _require_heard(b"".join(frames), "".join(stretches))


def _pairs(chunks: list[bytes]) -> list[bytes]:
    return [chunk[: len(chunk) // 2 * 2] for chunk in chunks]


def _require_heard(sent: bytes, text: str) -> None:
    heard, length = "", 0
    for frame in EventSplitter(len(sent) + 1).feed(sent):
        name, data, *rest = frame.split(b"\n")
        token = json.loads(data_of(frame) or b"")["token"]
        heard, length = heard + token, length + len(token)
        assert name == b"id: %d" % length
        assert data.startswith(b"data: ")
        assert rest == [b"", b""]
    assert sent.isascii()
    assert heard == text
