"""Checks that a reply is read the same wherever it is cut, and that no input breaks a limit."""

from chatcore_inference.protocols.samosachaat.frames import SamosachaatEventReader
from tests.fuzz.targets.chunks import chunks_in, cut, uncut
from tests.fuzz.targets.received import received
from tests.unit.adapters.chatcore_inference.http.public_sse_cases import CASES

_REPLIES = (
    b'data: {"token":"Hel","gpu":0}\n\ndata: {"token":"lo"}\n\ndata: {"done":true}\n\n',
    b'data: {"token":"\\ud83d"}\r\n\r\ndata: {"token":"\\ude42\\u0000"}\r\rdata:{"token":"\xff"}\n\n: ping\n\n',
    b'\xef\xbb\xbfdata: {"token":\ndata: "a"}\n\nid: 1\nretry: 5\ndata: [1]\n\ndata: {"token":"z","done":true}\r\r',
    b'data: {"token":"a"}\n\ndata: {"error":"busy"}\n\ndata: {"token":"b"}\n\ndata: {"done":true}\n\n',
    b'data: {"token":"a","n":1e999}\n\ndata: {"error":{"code":507},"done":true}\n\n',
)
SEEDS = tuple(
    make(body) for body in (*_REPLIES, *(case.body for case in CASES if len(case.body) < 1000)) for make in (cut, uncut)
)


def check(data: bytes) -> None:
    """Reads a reply in chunks and in one piece."""
    chunks = chunks_in(data)
    body = b"".join(chunks)
    outcome = received(chunks, SamosachaatEventReader())

    assert outcome == received([body], SamosachaatEventReader())
    outcome.require_order()
    assert body.startswith(outcome.raw)
    is_closed = any(is_closing for _, _, is_closing in outcome.frames[-1:])
    # The closing frame of a reply that is not complete reports the model's error.
    assert outcome.is_complete == (is_closed and not outcome.refusal)
