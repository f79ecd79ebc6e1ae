"""Compares our reading and writing of event streams with an independent client, npm's eventsource-parser."""

import json
from collections.abc import Iterator, Sequence
from itertools import accumulate

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.adapters.chatcore_inference.http.oracles.event_source import EventSourceParser
from tests.unit.adapters.chatcore_inference.http.public_sse_cases import CASES
from tests.unit.adapters.chatcore_inference.http.sse_streams import CUTS, STREAMS, in_chunks

from chatcore import End, ReplyError, Stretch
from chatcore.conversations.places import Place
from chatcore.ports import Frame
from chatcore.text import TextRepair
from chatcore_inference.http.event_data import data_of
from chatcore_inference.http.receiver import ReplyReceiver
from chatcore_inference.http.sse import BYTE_ORDER_MARK, EventSplitter
from chatcore_inference.limits import InferenceLimits
from chatcore_inference.protocols.samosachaat.frames import SamosachaatEventReader
from chatcore_service.streaming.sse import KEEP_ALIVE, RECONNECT, FrameEncoder, LogEncoder

# What the oracle takes for a byte order mark beside the real one: the mark's bytes taken for Latin-1. No decoder in
# the standard would, and neither do we.
LATIN_1_MARK = "\xef\xbb\xbf".encode()

HOSTILE = (
    '\n\ndata: {"done":true}\n\n',
    "\n\ndata: [DONE]\n\n",
    "\r\rid: 99\rdata: evil\r\r",
    "\r\n\r\nevent: evil\r\nretry: 1\r\n\r\n",
    ": reconnect\n\n",
    "\nid: 99\n",
    "\u2028\u2029\u0085\x0b\x0c\x1c\x1d\x1e",
    "\0",
    "\ufeff",
    '"}\n\ndata: {"token":"',
    '\\u000a\\n"',
    "\x7f\x1b[2J",
    "🎉\ufffd\uffff\U0010ffff",
)
TEXTS = st.one_of(
    st.text(min_size=1, max_size=200),
    st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=3)), min_size=1, max_size=10)
    .map("".join)
    .filter(bool),
)


@pytest.fixture(scope="module")
def oracle() -> Iterator[EventSourceParser]:
    with EventSourceParser() as oracle:
        yield oracle


def our_data(body: bytes) -> list[str]:
    splitter = EventSplitter(1_000_000)
    frames = [*splitter.feed(body)]
    if last := splitter.flush():
        frames.append(last)
    frames[:1] = [frame.removeprefix(BYTE_ORDER_MARK) for frame in frames[:1]]
    data = map(data_of, frames)
    return [each.decode(errors="replace") for each in data if each is not None]


# How we read what others send.


def test_the_oracle_reads_the_public_cases_as_their_suites_say(oracle: EventSourceParser) -> None:
    heard = oracle.read_all(case.chunks for case in CASES)

    assert [h.data for h in heard] == [[data.decode(errors="replace") for data in case.data] for case in CASES]


@given(body=STREAMS, cuts=CUTS)
def test_we_read_any_bytes_as_the_oracle_does(oracle: EventSourceParser, body: bytes, cuts: list[int]) -> None:
    assume(not body.startswith(LATIN_1_MARK))

    assert our_data(body) == oracle.read(*in_chunks(body, cuts)).data


def test_the_mark_taken_for_latin_1_is_text_for_us(oracle: EventSourceParser) -> None:
    """The one difference: the field's name is unknown to us, as to a browser."""
    body = LATIN_1_MARK + b"data: x\n\n"

    assert (our_data(body), oracle.read(body).data) == ([], ["x"])


# How others read what we send.


def resume_stream(text: str, offset: int = 0, *, piece: int = 7, end: End = End()) -> bytes:  # noqa: B008 - it is frozen
    """Returns what a reader of a reply is sent from `offset` on, as the text comes piece by piece."""
    encoder = LogEncoder(Place(offset))
    stretches = (Stretch(text[at : at + piece], min(at + piece, len(text))) for at in range(offset, len(text), piece))
    frames = [frame for stretch in stretches for frame in encoder.encode(stretch)]
    return KEEP_ALIVE.join([b"", *frames, encoder.end(end)])


def text_of(data: Sequence[str]) -> str:
    return "".join(json.loads(each).get("token", "") for each in data)


@given(text=TEXTS, cuts=CUTS)
def test_no_text_can_be_anything_but_text_in_the_resume_stream(
    oracle: EventSourceParser, text: str, cuts: list[int]
) -> None:
    heard = oracle.read(*in_chunks(resume_stream(text), cuts))
    pieces = [text[at : at + 7] for at in range(0, len(text), 7)]

    assert [json.loads(data) for data in heard.data] == [*({"token": piece} for piece in pieces), {"done": True}]
    assert [event.id for event in heard.events] == [*map(str, accumulate(map(len, pieces))), f"{len(text)}-end"]
    assert {event.type for event in heard.events} == {None}
    assert set(heard.comments) == {"keep-alive"}
    assert heard.retries == ()


@given(text=st.text(st.characters(categories=["Cs", "Cc", "Zl", "Zp", "Lu"]), min_size=1, max_size=60))
def test_half_characters_inject_nothing_either(oracle: EventSourceParser, text: str) -> None:
    """They never come so far: the transcript mends them. Even so."""
    heard = oracle.read(resume_stream(text, piece=1000))

    assert len(heard.events) == 2
    assert text_of(heard.data).encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")
    assert heard.ids == (str(len(text)), f"{len(text)}-end")


@given(text=TEXTS, cut=st.integers(0, 3000), piece=st.integers(1, 40))
def test_a_reader_that_resumes_with_the_last_id_has_exactly_the_text(
    oracle: EventSourceParser, text: str, cut: int, piece: int
) -> None:
    before = oracle.read(resume_stream(text, piece=piece)[:cut])
    offset = int(before.ids[-1].removesuffix("-end")) if before.ids else 0
    after = oracle.read(resume_stream(text, offset, piece=piece))

    assert text_of([*before.data, *after.data]) == text
    assert after.ids[-1] == f"{len(text)}-end"


@pytest.mark.parametrize("error", list(ReplyError))
def test_why_a_reply_is_not_complete_is_heard(oracle: EventSourceParser, error: ReplyError) -> None:
    streams = [[resume_stream("text", end=End(error))], [FrameEncoder().end(End(error))]]

    for heard in oracle.read_all(streams):
        *_, told, done = map(json.loads, heard.data)
        assert told == {"error": error.value, "detail": error.sentence}
        assert done == {"done": True}


def test_a_stream_that_goes_on_elsewhere_ends_without_an_event(oracle: EventSourceParser) -> None:
    frames = b"".join(LogEncoder(Place(0)).encode(Stretch("text", 4)))

    heard = oracle.read(frames + RECONNECT)

    assert (heard.data, heard.ids, heard.comments) == (['{"token":"text"}'], ("4",), ("reconnect",))


def test_who_has_too_much_is_told_how_much_to_keep(oracle: EventSourceParser) -> None:
    encoder = LogEncoder(Place(9))
    heard = oracle.read(*encoder.encode(Stretch("", 5)), *encoder.encode(Stretch("lo", 7)))

    assert [json.loads(data) for data in heard.data] == [{"rewind": 5}, {"token": "lo"}]
    assert heard.ids == ("5", "7")


@given(tokens=st.lists(TEXTS, min_size=1, max_size=10), cuts=CUTS, is_ascii=st.booleans())
def test_what_the_sending_stream_passes_on_is_heard_as_we_heard_it(
    oracle: EventSourceParser, tokens: list[str], cuts: list[int], *, is_ascii: bool
) -> None:
    """The service stores what it read of the frames; a client reads the frames. It must be the same text."""
    sent = b"".join(
        b"data: " + json.dumps({"token": token}, ensure_ascii=is_ascii).encode() + b"\n\n" for token in tokens
    )
    frames: list[Frame] = []
    receiver = ReplyReceiver(frames.append, InferenceLimits(), SamosachaatEventReader())
    for chunk in in_chunks(sent, cuts):
        receiver.feed(chunk)
    repair = TextRepair()
    stored = "".join(repair.feed(frame.token or "") for frame in frames) + repair.flush()
    passed_on = [part for frame in frames for part in FrameEncoder().encode(frame.raw)]

    heard = oracle.read(*passed_on)

    assert b"".join(passed_on) == sent
    assert text_of(heard.data).replace("\0", "\ufffd") == stored
