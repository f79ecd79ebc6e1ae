"""Receives a reply in chunks, for the targets that read replies."""

from attrs import frozen

from chatcore.errors import InferenceRefusedError
from chatcore.ports import Frame
from chatcore.replies.transcript import Transcript
from chatcore_inference.http.event_reader import EventReader
from chatcore_inference.http.receiver import ReplyReceiver
from chatcore_inference.limits import InferenceLimits

# The limits are small, so that inputs reach them. There is no limit for the bytes of a reply: they are counted by the
# chunk, so the place of a cut would make a difference.
LIMITS = InferenceLimits(max_frame_bytes=300, max_text_chars=60, max_textless_frames=20)


@frozen
class Received:
    """What became of a reply."""

    #: The bytes and the token of each frame, and whether it closes the reply.
    frames: list[tuple[bytes, str | None, bool]]
    #: Why the reply was refused; empty if it was not.
    refusal: str
    is_complete: bool

    @property
    def raw(self) -> bytes:
        """Returns the bytes of all frames."""
        return b"".join(raw for raw, _, _ in self.frames)

    def require_order(self) -> None:
        """Fails unless the closing frame is the last one, and the text is within its limit."""
        assert not any(is_closing for _, _, is_closing in self.frames[:-1])
        assert sum(len(token or "") for _, token, _ in self.frames) <= LIMITS.max_text_chars


def received(chunks: list[bytes], reader: EventReader) -> Received:
    """Receives a reply; fails if its text could not be stored."""
    frames: list[tuple[bytes, str | None, bool]] = []
    transcript = Transcript()

    def on_frame(frame: Frame) -> None:
        frames.append((frame.raw, frame.token, frame.is_closing))
        transcript.append(frame)

    receiver = ReplyReceiver(on_frame, LIMITS, reader)
    refusal, is_complete = "", False
    try:
        any(receiver.feed(chunk) for chunk in chunks)
        is_complete = receiver.finish()
    except InferenceRefusedError as error:
        refusal = str(error)
    _require_storable(transcript)
    return Received(frames, refusal, is_complete)


def _require_storable(transcript: Transcript) -> None:
    transcript.seal()
    text = transcript.text()
    assert "\0" not in text
    assert len(text.encode().decode()) == transcript.log.text.length
