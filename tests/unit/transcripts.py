"""Builds transcripts and their readers."""

from chatcore.replies.readers import FrameReader
from chatcore.replies.transcript import Transcript
from tests.unit.token_frames import frame


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
