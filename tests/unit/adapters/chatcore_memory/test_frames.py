"""Tests how frames are written and read."""

import pytest
from tests.unit.odd_frames import ODD_FRAMES

from chatcore_memory import DONE_FRAME, token_frame
from chatcore_memory.frames import is_finished, parse


@pytest.mark.parametrize(("raw", "token"), ODD_FRAMES.items(), ids=repr)
def test_a_frame_of_any_form_is_read_for_its_token(raw: bytes, token: str | None) -> None:
    frame = parse(raw)

    assert (frame.raw, frame.token, frame.is_closing) == (raw, token, False)
    assert is_finished(raw)


@pytest.mark.parametrize("token", ["Hel", "", "\ud83d", "\u2028\n\n"])
def test_a_token_survives_its_frame(token: str) -> None:
    assert parse(token_frame(token)).token == token


def test_the_done_frame_closes() -> None:
    assert parse(DONE_FRAME).is_closing


@pytest.mark.parametrize("raw", [b'data: {"token":"lo"}', b'data: {"token":"lo"}\n', b'data: {"done":true}\n', b""])
def test_a_frame_without_its_blank_line_is_unfinished(raw: bytes) -> None:
    assert not is_finished(raw)
