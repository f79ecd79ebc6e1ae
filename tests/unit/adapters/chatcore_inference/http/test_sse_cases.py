"""Tests that event streams are read as the public suites say."""

import re
from pathlib import Path

import httpx
import pytest
from tests.unit.adapters.chatcore_inference.http.public_sse_cases import CASES, CONTENT_TYPES, ELSEWHERE, SseCase
from tests.unit.adapters.chatcore_inference.http.sse_streams import in_chunks

from chatcore.ports import Frame
from chatcore_inference.http.event_data import data_of
from chatcore_inference.http.receiver import ReplyReceiver
from chatcore_inference.http.response_head import is_event_stream
from chatcore_inference.http.sse import BYTE_ORDER_MARK, EventSplitter
from chatcore_inference.limits import InferenceLimits
from chatcore_inference.protocols.samosachaat.frames import SamosachaatEvents

TESTS = Path(__file__).parents[4]

every_case = pytest.mark.parametrize("case", CASES, ids=str)


def data_by_splitting(*chunks: bytes) -> tuple[list[bytes], bytes]:
    splitter = EventSplitter(100_000)
    frames = [frame for chunk in chunks for frame in splitter.feed(chunk)]
    if last := splitter.flush():
        frames.append(last)
    read = [data_of(frame.removeprefix(BYTE_ORDER_MARK) if n == 0 else frame) for n, frame in enumerate(frames)]
    return [data for data in read if data is not None], b"".join(frames)


@every_case
def test_data_is_read_as_the_public_suites_say(case: SseCase) -> None:
    data, frames = data_by_splitting(*case.chunks)

    assert data == list(case.data)
    assert case.body.startswith(frames)


@pytest.mark.parametrize("case", [case for case in CASES if len(case.body) < 5000], ids=str)
@pytest.mark.parametrize("size", [1, 2, 1000], ids=["one byte", "two bytes", "a thousand"])
def test_data_is_the_same_in_other_chunks(case: SseCase, size: int) -> None:
    data, _ = data_by_splitting(*in_chunks(case.body, list(range(0, len(case.body), size))))

    assert data == list(case.data)


@every_case
def test_the_receiver_sees_what_says_something_and_passes_on_every_byte(case: SseCase) -> None:
    frames: list[Frame] = []
    receiver = ReplyReceiver(frames.append, InferenceLimits(), SamosachaatEvents())

    receiver.feed(case.body)
    receiver.finish()

    assert receiver.has_progress == any(data != b"" for data in case.data)
    assert case.body.startswith(b"".join(frame.raw for frame in frames))


@pytest.mark.parametrize("name", CONTENT_TYPES)
def test_a_stream_is_known_by_its_content_type(name: str) -> None:
    content_type, is_stream = CONTENT_TYPES[name]

    assert is_event_stream(200, httpx.Headers({"content-type": content_type})) is is_stream


@pytest.mark.parametrize("reason", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_what_is_said_to_be_tested_elsewhere_names_where(reason: str) -> None:
    named = re.findall(r"test_\w+", reason)

    assert named or "not applicable" in reason
    assert all(any(TESTS.rglob(f"{name}.py")) for name in named)
