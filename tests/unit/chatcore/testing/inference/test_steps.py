"""Tests that the contract notices frames that disagree with our stream format."""

import pytest

from chatcore.ports import Frame
from chatcore.testing.inference.steps import FrameCollector


def collected(*frames: Frame) -> FrameCollector:
    collector = FrameCollector()
    for frame in frames:
        collector(frame)
    return collector


@pytest.mark.parametrize(
    "frame",
    [
        Frame(b'data: {"token":"a"}\n\n', "a"),
        Frame(b'data: {"token":"a"}\r\n\r\n', "a"),
        Frame(b'data: {"token":"a"}\r\r', "a"),
        Frame(b'data: {"token":"a"}\r\n\n', "a"),
        Frame(b'data: {"done":true}\n\n', is_closing=True),
        Frame(b": comment\n\n"),
        Frame(b"\n"),
        Frame(b"\r\n"),
    ],
    ids=lambda frame: f"{frame.raw!r}, {frame.token}, {frame.is_closing}",
)
def test_a_frame_of_our_format_is_accepted(frame: Frame) -> None:
    collected(frame).require_our_format()


@pytest.mark.parametrize(
    "frame",
    [
        Frame(b'data: {"token":"a"}\n', "a"),
        Frame(b'data: {"token":"a"}\r\n', "a"),
        Frame(b'data: {"token":"a"}', "a"),
        Frame(b'data: {"token":"a"}\n\n'),
        Frame(b'data: {"token":"a"}\n\n', "b"),
        Frame(b'data: {"token":"a"}\n\ndata: {"token":"b"}\n\n', "a"),
        Frame(b'data: {"done":true}\n\n'),
        Frame(b'data: {"token":"a"}\n\n', "a", is_closing=True),
        Frame(b": comment\n"),
        Frame(b""),
    ],
    ids=lambda frame: f"{frame.raw!r}, {frame.token}, {frame.is_closing}",
)
def test_a_frame_of_another_format_is_refused(frame: Frame) -> None:
    with pytest.raises(AssertionError):
        collected(frame).require_our_format()
