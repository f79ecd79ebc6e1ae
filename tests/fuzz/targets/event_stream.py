"""Checks that a reply is read the same wherever it is cut, and that no input breaks a limit."""

from chatcore.errors import InferenceRefusedError
from chatcore.ports import Frame
from chatcore.replies.transcript import Transcript
from chatcore_inference.http.receiver import ReplyReceiver
from chatcore_inference.limits import InferenceLimits
from chatcore_inference.protocols.samosachaat.frames import SamosachaatEventReader
from tests.fuzz.targets.chunks import chunks_in, cut, uncut
from tests.unit.adapters.chatcore_inference.http.public_sse_cases import CASES

# The limits are small, so that inputs reach them. There is no limit for the bytes of a reply: they are counted by the
# chunk, so the place of a cut would make a difference.
_LIMITS = InferenceLimits(max_frame_bytes=300, max_text_chars=60, max_textless_frames=20)

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

_Outcome = tuple[list[tuple[bytes, str | None, bool]], str, bool]


def check(data: bytes) -> None:
    """Reads a reply in chunks and in one piece."""
    chunks = chunks_in(data)
    body = b"".join(chunks)
    outcome = _read(chunks)
    frames, refusal, is_complete = outcome

    assert outcome == _read([body])
    assert body.startswith(b"".join(raw for raw, _, _ in frames))
    is_closed = any(is_closing for _, _, is_closing in frames[-1:])
    assert not any(is_closing for _, _, is_closing in frames[:-1])
    # The closing frame of a reply that is not complete reports the model's error.
    assert is_complete == (is_closed and not refusal)
    assert sum(len(token or "") for _, token, _ in frames) <= _LIMITS.max_text_chars


def _read(chunks: list[bytes]) -> _Outcome:
    frames: list[tuple[bytes, str | None, bool]] = []
    transcript = Transcript()

    def on_frame(frame: Frame) -> None:
        frames.append((frame.raw, frame.token, frame.is_closing))
        transcript.append(frame)

    receiver = ReplyReceiver(on_frame, _LIMITS, SamosachaatEventReader())
    refusal, is_complete = "", False
    try:
        any(receiver.feed(chunk) for chunk in chunks)
        is_complete = receiver.finish()
    except InferenceRefusedError as error:
        refusal = str(error)
    _require_storable(transcript)
    return frames, refusal, is_complete


def _require_storable(transcript: Transcript) -> None:
    transcript.seal()
    text = transcript.text()
    assert "\0" not in text
    assert len(text.encode().decode()) == transcript.length
