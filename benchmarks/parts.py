"""What the parts of the hot path cost by themselves, in nanoseconds a token.

python -m benchmarks.parts
"""

import time
from collections.abc import Callable, Mapping

from chatcore import FrameReader
from chatcore.ports import Frame
from chatcore.replies.frame_buffer import FrameBuffer
from chatcore.replies.transcript import Transcript
from chatcore_inference.http.event_data import data_of
from chatcore_inference.http.receiver import ReplyReceiver
from chatcore_inference.http.sse import EventSplitter
from chatcore_inference.limits import InferenceLimits
from chatcore_inference.protocols.samosachaat.frames import SamosachaatEvents

_TOKENS = 20_000
_TRIES = 5
# Frames that come in one read when a service sends them faster than they are read.
_BATCH = 20

_RAW = b'data: {"token":"Hello ","gpu":0}\n\n'


def nanos(work: Callable[[], object], tokens: int = _TOKENS) -> float:
    """The best of some tries, which is the one that least else disturbed."""
    best = float("inf")
    for _ in range(_TRIES):
        started = time.process_time_ns()
        work()
        best = min(best, time.process_time_ns() - started)
    return best / tokens


def split_one_by_one() -> None:
    """The splitter, a frame a read."""
    splitter = EventSplitter(InferenceLimits().max_frame_bytes)
    for _ in range(_TOKENS):
        for _ in splitter.feed(_RAW):
            pass


def split_in_batches() -> None:
    """The splitter, many frames a read."""
    splitter = EventSplitter(InferenceLimits().max_frame_bytes)
    for _ in range(_TOKENS // _BATCH):
        for _ in splitter.feed(_RAW * _BATCH):
            pass


def read_events() -> None:
    """What a frame says."""
    for _ in range(_TOKENS):
        SamosachaatEvents.read(_RAW, data_of(_RAW) or b"")


def receive() -> None:
    """From a read to a frame, as the inference client does it."""
    receiver = ReplyReceiver(lambda _: None, InferenceLimits(), SamosachaatEvents())
    for _ in range(_TOKENS):
        receiver.feed(_RAW)


def append_and_take() -> None:
    """Into the transcript, and out of it by a reader that follows at once."""
    transcript = Transcript()
    reader = FrameReader(transcript, FrameBuffer())
    frame = Frame(_RAW, "Hello ")
    for _ in range(_TOKENS):
        transcript.append(frame)
        reader.take()


def checkpoint_texts() -> None:
    """Out of the transcript as text, once for five tokens: the storage's share."""
    transcript = Transcript()
    frame = Frame(_RAW, "Hello ")
    for index in range(_TOKENS):
        transcript.append(frame)
        if index % 5 == 0:
            transcript.text(transcript.length - 30)


PARTS = (split_one_by_one, split_in_batches, read_events, receive, append_and_take, checkpoint_texts)


def measure() -> Mapping[str, float]:
    """Nanoseconds a token, by what is done."""
    return {(work.__doc__ or "").rstrip("."): nanos(work) for work in PARTS}


def main() -> None:
    """Prints them all."""
    print("CPU ns a token")
    for what, cost in measure().items():
        print(f"  {what:70}{cost:8.0f}")


if __name__ == "__main__":
    main()
