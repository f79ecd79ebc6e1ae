"""What our own frames look like: nothing a model says can end one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore import End, ReplyError, Stretch
from chatcore.conversations.parts import PartKind
from chatcore.conversations.places import Place
from chatcore_service.streaming.sse import MAX_WRITE_BYTES, FrameEncoder, LogEncoder


def test_frames_are_passed_on_untouched_in_chunks_of_64_kibibytes() -> None:
    encoder = FrameEncoder()
    frames = bytes(range(256)) * 1000

    assert list(encoder.encode(frames[:MAX_WRITE_BYTES])) == [frames[:MAX_WRITE_BYTES]]
    chunks = list(encoder.encode(frames))
    assert b"".join(chunks) == frames
    assert max(map(len, chunks)) == MAX_WRITE_BYTES


@pytest.mark.parametrize("encoder", [FrameEncoder(), LogEncoder(Place(0))])
def test_a_stream_that_goes_on_elsewhere_has_no_closing_frame(encoder: FrameEncoder | LogEncoder) -> None:
    assert encoder.end(End(reconnect=True)) == b": reconnect\n\n"


def test_a_complete_reply_brought_its_own_closing_frame() -> None:
    assert FrameEncoder().end(End()) == b""


@pytest.mark.parametrize("error", list(ReplyError))
def test_a_reply_that_is_not_complete_says_why(error: ReplyError) -> None:
    frame, done, rest = FrameEncoder().end(End(error)).decode().split("\n\n")

    assert json.loads(frame.removeprefix("data: ")) == {"error": error.value, "detail": error.sentence}
    assert (done, rest) == ('data: {"done":true}', "")


def test_only_the_id_of_the_closing_frame_says_that_it_is_the_end() -> None:
    encoder = LogEncoder(Place(3))
    list(encoder.encode(Stretch("lo", 5)))

    assert [line for line in encoder.end(End(ReplyError.STOPPED)).decode().split("\n") if "id" in line] == [
        "id: 5",
        "id: 5-end",
    ]


def test_a_reader_who_has_everything_keeps_its_id() -> None:
    assert LogEncoder(Place(7)).end(End()) == b'id: 7-end\ndata: {"done":true}\n\n'


def test_ids_name_the_generation_from_the_second_on() -> None:
    encoder = LogEncoder(Place(3))
    chunks = [Stretch("lo", 5), Stretch("", 5, generation=2), Stretch("!", 6), Stretch("", 1, generation=3)]
    frames = [frame for chunk in chunks for frame in encoder.encode(chunk)]

    assert [frame.decode().split("\n")[0] for frame in frames] == ["id: 5", "id: 6-2", "id: 1-3"]
    assert frames[-1] == b'id: 1-3\ndata: {"rewind":1}\n\n'
    assert encoder.end(End()) == b'id: 1-3-end\ndata: {"done":true}\n\n'


@given(st.text(min_size=1, max_size=200), st.integers(min_value=0, max_value=50))
def test_any_text_arrives_as_it_is_and_in_its_frame(text: str, offset: int) -> None:
    encoded = b"".join(LogEncoder(Place(offset)).encode(Stretch(text, offset + len(text)))).decode("ascii")

    assert encoded.splitlines() == encoded.split("\n")[:-1]
    identifier, data, *rest = encoded.split("\n")
    assert identifier == f"id: {offset + len(text)}"
    assert json.loads(data.removeprefix("data: ")) == {"token": text}
    assert rest == ["", ""]


def test_long_text_is_cut_between_code_points_each_with_its_own_id() -> None:
    text = "\U0001f600" * 12_000
    chunks = [chunk.decode() for chunk in LogEncoder(Place(0)).encode(Stretch(text, 12_000))]

    assert [chunk.partition("\n")[0] for chunk in chunks] == ["id: 5000", "id: 10000", "id: 12000"]
    assert "".join(json.loads(chunk.split("data: ")[1])["token"] for chunk in chunks) == text
    assert all(len(chunk) <= MAX_WRITE_BYTES for chunk in chunks)


def test_reasoning_has_a_key_of_its_own_and_data_is_sent_as_it_is() -> None:
    data = '{"call":"é \\u0000","x":[1]}'
    chunks = [Stretch("hm", 2, PartKind.REASONING), Stretch(data, 2 + len(data), PartKind.DATA)]
    frames = [frame.decode() for chunk in chunks for frame in LogEncoder(Place(0)).encode(chunk)]

    assert frames == ['id: 2\ndata: {"reasoning":"hm"}\n\n', f"id: {2 + len(data)}\ndata: {data}\n\n"]


def test_a_long_data_part_is_one_event_in_writes_of_bounded_size() -> None:
    data = '{"x":"' + "y" * 200_000 + '"}'
    writes = list(LogEncoder(Place(0)).encode(Stretch(data, len(data), PartKind.DATA)))

    assert b"".join(writes).decode() == f"id: {len(data)}\ndata: {data}\n\n"
    assert max(map(len, writes)) <= MAX_WRITE_BYTES
