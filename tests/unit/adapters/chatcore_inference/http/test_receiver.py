"""Tests the receiver of a reply: the frames it hands over and the limits it enforces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.adapters.chatcore_inference.http.sse_streams import CUTS, GRAMMATICAL, STREAMS, in_chunks

from chatcore.errors import InferenceRefusedError
from chatcore.ports import Frame
from chatcore_inference import InferenceLimits
from chatcore_inference.http.receiver import ReplyReceiver
from chatcore_inference.protocols.openai.chunks import OpenAiEventReader
from chatcore_inference.protocols.samosachaat.frames import SamosachaatEventReader

TOKEN = b'data: {"token":"a"}\n\n'
ERROR = b'data: {"error":"out of memory"}\n\n'
LAST_ERROR = b'data: {"error":"out of memory","done":true}\n\n'
DONE = b'data: {"done":true}\n\n'
PARTS = st.sampled_from(
    [
        b'data: {"token":"a"}\n\n',
        'data: {"token":"é"}\r\n\r\n'.encode(),
        b'data: {"token":"b"}\r\r',
        b": comment\n\n",
        b"data: [1,\ndata: 2]\n\n",
        b'data: {"token":\ndata: "c"}\n\n',
        b"\n",
        b"\xef\xbb\xbf",
        b"data: {}\n",
        b"data: {\n\n",
        DONE,
    ]
)
REPLIES = st.lists(st.one_of(PARTS, GRAMMATICAL), max_size=8).map(b"".join)


def received(
    *chunks: bytes, limits: InferenceLimits | None = None
) -> tuple[list[tuple[bytes, str | None, bool]], bool]:
    frames: list[Frame] = []
    receiver = ReplyReceiver(frames.append, limits or InferenceLimits(), SamosachaatEventReader())
    any(receiver.feed(chunk) for chunk in chunks)
    is_complete = receiver.finish()
    return [(frame.raw, frame.token, frame.is_closing) for frame in frames], is_complete


@given(st.one_of(REPLIES, STREAMS), CUTS)
def test_any_chunking_gives_the_same_frames_up_to_the_closing_one(body: bytes, cuts: list[int]) -> None:
    frames, is_complete = received(*in_chunks(body, cuts))

    assert (frames, is_complete) == received(body)
    assert body.startswith(b"".join(raw for raw, _, _ in frames))
    assert [is_closing for _, _, is_closing in frames] == [False] * (len(frames) - 1) + [is_complete] * bool(frames)


def test_the_closing_frame_is_enough() -> None:
    receiver = ReplyReceiver(lambda _: None, InferenceLimits(), SamosachaatEventReader())

    assert not receiver.feed(b'data: {"token":"a"}\n\n')
    assert receiver.feed(DONE + b"data: late\n\n")
    assert receiver.finish()


def test_a_mark_is_only_a_mark_at_the_very_start() -> None:
    marked = b'\xef\xbb\xbfdata: {"token":"a"}\n\n'

    assert received(marked, marked)[0] == [(marked, "a", False), (marked, None, False)]
    assert received(b'data: {"token":"b"}\n\n', marked)[0][1] == (marked, None, False)


def test_comments_are_no_progress() -> None:
    receiver = ReplyReceiver(lambda _: None, InferenceLimits(), SamosachaatEventReader())

    receiver.feed(b": a\n\n: b\n\ndata:\n\nevent: c\n\n\n")
    assert not receiver.has_progress
    receiver.feed(b"data: x\n\n")
    assert receiver.has_progress


@pytest.mark.parametrize("text", ["x" * 11, "ü" * 11])
def test_the_text_of_a_reply_is_counted_in_code_points(text: str) -> None:
    limits = InferenceLimits(max_text_chars=10)
    frames = [f'data: {{"token":"{character}"}}\n\n'.encode() for character in text]

    assert len(received(*frames[:10], limits=limits)[0]) == 10
    with pytest.raises(InferenceRefusedError):
        received(*frames, limits=limits)


def test_the_text_that_a_reply_has_already_is_counted() -> None:
    frames: list[Frame] = []
    reader = SamosachaatEventReader()
    receiver = ReplyReceiver(frames.append, InferenceLimits(max_text_chars=10), reader, chars_before=9)

    receiver.feed(TOKEN)
    with pytest.raises(InferenceRefusedError):
        receiver.feed(TOKEN)
    assert len(frames) == 1


def test_a_reply_may_be_as_large_as_permitted_and_no_larger() -> None:
    limits = InferenceLimits(max_reply_bytes=100)

    assert received(b": " + b"x" * 96 + b"\n\n", limits=limits) == ([(b": " + b"x" * 96 + b"\n\n", None, False)], False)
    with pytest.raises(InferenceRefusedError):
        received(b"x" * 60, b"x" * 41, limits=limits)


@pytest.mark.parametrize("size", [29, 30])
def test_the_common_frame_too_is_held_to_the_limit(size: int) -> None:
    frame = b'data: {"token":"' + b"x" * 10 + b'"}\n\n'
    assert len(frame) == 30

    if size == 30:
        assert received(frame, limits=InferenceLimits(max_frame_bytes=size))[0] == [(frame, "x" * 10, False)]
    else:
        with pytest.raises(InferenceRefusedError):
            received(frame, limits=InferenceLimits(max_frame_bytes=size))


@pytest.mark.parametrize(
    "textless", [b"\n", b":\n\n", b"data:\n\n", b"data: {\n\n", b'data: {"token":""}\n\n', b"id: 1\r\r"]
)
def test_frames_without_text_are_so_many_and_no_more(textless: bytes) -> None:
    limits = InferenceLimits(max_textless_frames=20)
    text = b'data: {"token":"a"}\n\n' * 50

    frames, is_complete = received(text + textless * 20 + text + DONE, limits=limits)

    assert len(frames) == 121
    assert is_complete
    with pytest.raises(InferenceRefusedError):
        received(textless * 21 + DONE, limits=limits)


def test_a_flood_of_blank_lines_is_ended_before_it_holds_up_others() -> None:
    frames: list[Frame] = []
    receiver = ReplyReceiver(frames.append, InferenceLimits(), SamosachaatEventReader())

    with pytest.raises(InferenceRefusedError):
        receiver.feed(b"\n" * 256 * 1024)

    assert len(frames) == 64 * 1024


@pytest.mark.parametrize("is_at_once", [True, False], ids=["at once", "one by one"])
@pytest.mark.parametrize(
    ("frames", "passed_on"),
    [
        ([TOKEN, ERROR], [TOKEN, ERROR]),
        ([ERROR, DONE], [ERROR]),
        ([TOKEN, ERROR, TOKEN, ERROR, DONE], [TOKEN, ERROR, TOKEN, ERROR]),
        ([TOKEN, LAST_ERROR], [TOKEN, LAST_ERROR]),
        ([ERROR, LAST_ERROR], [ERROR, LAST_ERROR]),
    ],
)
def test_after_an_error_of_the_model_only_a_closing_frame_without_one_is_withheld(
    frames: list[bytes], passed_on: list[bytes], *, is_at_once: bool
) -> None:
    seen: list[Frame] = []
    receiver = ReplyReceiver(seen.append, InferenceLimits(), SamosachaatEventReader())

    has_enough = [receiver.feed(data) for data in ([b"".join(frames)] if is_at_once else frames)]

    assert [frame.raw for frame in seen] == passed_on
    assert has_enough[-1] is (b"done" in frames[-1])
    with pytest.raises(InferenceRefusedError):
        receiver.finish()


# -- A reader that makes no frame or several of an event --------------------------------------------------------------


def received_from(reader: OpenAiEventReader, *chunks: bytes, limits: InferenceLimits | None = None) -> list[Frame]:
    frames: list[Frame] = []
    receiver = ReplyReceiver(frames.append, limits or InferenceLimits(), reader)
    any(receiver.feed(chunk) for chunk in chunks)
    receiver.finish()
    return frames


def delta(text: str) -> bytes:
    return b'data: {"choices":[{"delta":{%b}}]}\n\n' % text.encode()


BOTH, TEXT, NEITHER = delta('"reasoning":"Hm","content":"a"'), delta('"content":"a"'), delta('"role":""')
STOP, END = b'data: {"choices":[{"finish_reason":"stop"}]}\n\n', b"data: [DONE]\n\n"
OPENAI_PARTS = st.sampled_from([BOTH, TEXT, NEITHER, STOP, END, b": comment\n\n", b"\n", b"data: {\r\n\r\n"])


@given(st.lists(OPENAI_PARTS, max_size=8).map(b"".join), CUTS)
def test_any_chunking_gives_the_same_frames_of_a_reader_that_makes_several(body: bytes, cuts: list[int]) -> None:
    cut = received_from(OpenAiEventReader(), *in_chunks(body, cuts))
    whole = received_from(OpenAiEventReader(), body)

    assert [frame.raw for frame in cut] == [frame.raw for frame in whole]
    assert [frame.is_closing for frame in whole[:-1]] == [False] * len(whole[:-1])


@pytest.mark.parametrize("events", [(BOTH, BOTH), (BOTH + BOTH,), (b": c\n\n" + BOTH, BOTH)])
def test_all_frames_of_an_event_are_passed_on(events: tuple[bytes, ...]) -> None:
    frames = received_from(OpenAiEventReader(), b": begin\n\n", *events, STOP, END)

    assert [frame.token for frame in frames] == [None, "a", None, "a", None]
    assert frames[-1].is_closing


def test_the_end_of_the_stream_may_close_the_reply() -> None:
    *_, closing = received_from(OpenAiEventReader(), TEXT, STOP)

    assert closing.is_closing


def test_text_and_reasoning_of_one_event_are_both_counted() -> None:
    limits = InferenceLimits(max_text_chars=5)

    with pytest.raises(InferenceRefusedError):
        received_from(OpenAiEventReader(), BOTH, BOTH, limits=limits)
    assert received_from(OpenAiEventReader(), BOTH, TEXT, TEXT, STOP, limits=limits)[-1].is_closing


def test_events_without_frames_are_so_many_and_no_more() -> None:
    limits = InferenceLimits(max_textless_frames=3)

    assert received_from(OpenAiEventReader(), NEITHER * 3, END, limits=limits)[-1].is_closing
    with pytest.raises(InferenceRefusedError):
        received_from(OpenAiEventReader(), NEITHER * 4, END, limits=limits)


def test_a_document_counts_towards_the_limit_of_a_reply() -> None:
    document = b'{"choices":[{"message":{"content":"Hello"}}]}'
    for max_chars in (5, 4):
        frames: list[Frame] = []
        receiver = ReplyReceiver(frames.append, InferenceLimits(max_text_chars=max_chars), OpenAiEventReader())
        assert receiver.reads_documents
        if max_chars == len("Hello"):
            receiver.feed_document(200, document)
            assert receiver.finish()
        else:
            with pytest.raises(InferenceRefusedError):
                receiver.feed_document(200, document)
            assert frames == []
