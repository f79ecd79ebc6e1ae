"""Builds transcripts and their readers."""

from chatcore.replies.frame_buffer import MAX_KEPT_FRAME_BYTES, MAX_SMALL_FRAME_BYTES, FrameBuffer
from chatcore.replies.readers import FrameReader
from chatcore.replies.transcript import Transcript
from tests.unit.token_frames import frame

#: Small frames that fill a buffer.
FILLING = (b"x" * MAX_SMALL_FRAME_BYTES,) * (MAX_KEPT_FRAME_BYTES // MAX_SMALL_FRAME_BYTES)


def buffer_of(*frames: bytes) -> FrameBuffer:
    """Returns a buffer to which the frames were added."""
    buffer = FrameBuffer()
    for raw in frames:
        buffer.append(raw)
    return buffer


def transcript(*tokens: str) -> Transcript:
    """Returns a repeatable transcript with a frame for each token."""
    made = Transcript(is_repeatable=True)
    for token in tokens:
        made.append(frame(token))
    return made


def frame_reader(made: Transcript) -> FrameReader:
    """Returns a reader of all frames of the transcript, which must still be kept."""
    reader = FrameReader.of(made)
    assert reader is not None
    return reader
