"""Tests that event streams are read as the public suites say."""

import re
from pathlib import Path

import pytest
from tests.unit.adapters.chatcore_inference.http.public_sse_cases import CASES, ELSEWHERE, SseCase
from tests.unit.adapters.chatcore_inference.http.sse_streams import in_chunks

from chatcore.ports import Frame
from chatcore_inference.http.event_data import data_of
from chatcore_inference.http.receiver import ReplyReceiver
from chatcore_inference.http.sse import BYTE_ORDER_MARK, EventSplitter
from chatcore_inference.limits import InferenceLimits
from chatcore_inference.protocols.samosachaat.frames import SamosachaatEventReader

TESTS = Path(__file__).parents[4]

#: By case.
DATA = {str(case): list(case.data) for case in CASES}


def data_by_splitting(*chunks: bytes) -> tuple[list[bytes], bytes]:
    splitter = EventSplitter(100_000)
    frames = [frame for chunk in chunks for frame in splitter.feed(chunk)]
    if last := splitter.flush():
        frames.append(last)
    read = [data_of(frame.removeprefix(BYTE_ORDER_MARK) if n == 0 else frame) for n, frame in enumerate(frames)]
    return [data for data in read if data is not None], b"".join(frames)


def test_every_case_has_a_name_of_its_own() -> None:
    assert len(DATA) == len(CASES) > 100


def test_data_is_read_as_the_public_suites_say() -> None:
    assert {str(case): data_by_splitting(*case.chunks)[0] for case in CASES} == DATA


@pytest.mark.parametrize("size", [1, 2, 1000], ids=["one byte", "two bytes", "a thousand"])
def test_data_is_the_same_in_other_chunks(size: int) -> None:
    short_cases = [case for case in CASES if len(case.body) < 5000]
    chunks = {str(case): in_chunks(case.body, list(range(0, len(case.body), size))) for case in short_cases}

    data = {name: data_by_splitting(*chunks_of_case)[0] for name, chunks_of_case in chunks.items()}
    assert data == {str(case): list(case.data) for case in short_cases}


def test_the_frames_of_every_case_begin_its_body() -> None:
    changed = [str(case) for case in CASES if not case.body.startswith(data_by_splitting(*case.chunks)[1])]

    assert changed == []


def received(case: SseCase) -> tuple[bool, bytes]:
    frames: list[Frame] = []
    receiver = ReplyReceiver(frames.append, InferenceLimits(), SamosachaatEventReader())
    receiver.feed(case.body)
    receiver.finish()
    return receiver.has_progress, b"".join(frame.raw for frame in frames)


def test_the_receiver_sees_progress_in_every_case_that_has_data() -> None:
    seen = {str(case): received(case)[0] for case in CASES}

    assert seen == {str(case): any(case.data) for case in CASES}


def test_the_receiver_passes_on_every_byte_of_every_case() -> None:
    changed = [str(case) for case in CASES if not case.body.startswith(received(case)[1])]

    assert changed == []


def test_what_is_said_to_be_tested_elsewhere_names_where() -> None:
    tests = {path.stem for path in TESTS.rglob("test_*.py")}
    named = {case: set(re.findall(r"test_\w+", reason)) for case, reason in ELSEWHERE.items()}

    assert {case: names - tests for case, names in named.items() if names - tests} == {}
    assert [case for case, names in named.items() if not names and "not applicable" not in ELSEWHERE[case]] == []
