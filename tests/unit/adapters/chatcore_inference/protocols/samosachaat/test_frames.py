"""Tests how the data of an event is read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.conversations.message import FinishReason
from chatcore.conversations.parts import Part, PartKind
from chatcore.ports import Frame
from chatcore.ports.inference import MAX_USAGE_CHARS, ClosingFrame
from chatcore_inference.http.event_reader import ErrorFrame
from chatcore_inference.protocols.samosachaat.frames import SamosachaatEventReader

LONE_HIGH, LONE_LOW = "\ud83d", "\ude00"


@pytest.mark.parametrize(
    ("data", "token"),
    [
        (b'{"token":"Hel","gpu":0}', "Hel"),
        (b'{"gpu":0,"token":""}', ""),
        (b'{"token":"a\\n\\u2028\\u0000"}', "a\n\u2028\0"),
        ('{"token":"é🎉"}'.encode(), "é🎉"),
        (b'{"token":"\\ud83d\\ude00"}', "😀"),
        (b'{"token":"\\ud83d"}', LONE_HIGH),
        (b'{"token":"\\ude00!"}', LONE_LOW + "!"),
        (b'{"token":"\\uDE00\\uD83D"}', LONE_LOW + LONE_HIGH),
        (b'{"token":"\xff"}', "\ufffd"),
        (b'{"token":"\xed\xa0\x80"}', "\ufffd\ufffd\ufffd"),
        (b'{"token":"a","token":"b"}', "b"),
        (b'{"token":"a","big":' + b"9" * 400 + b"}", "a"),
        (b'{"token":"a","big":' + b"9" * 5000 + b"}", "a"),
        (b'{"token":"a","deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "a"),
        (b'{"token":"a","error":null}', "a"),
    ],
)
def test_a_string_is_a_token_as_it_is(data: bytes, token: str) -> None:
    frame = SamosachaatEventReader.read(b"raw", data)

    assert frame.raw == b"raw"
    assert frame.token == token
    assert not frame.is_closing


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[DONE]",
        b"not JSON",
        b"null",
        b"true",
        b"5",
        b'"token"',
        b'["token"]',
        b"{}",
        b'{"token":null}',
        b'{"token":5}',
        b'{"token":["a"]}',
        b'{"token":{"a":1}}',
        b'{"Token":"a"}',
        b'{"token":"a"',
        b'{"token":"a"}}',
        b'{"token":"a",}',
        b'{"token":"a","n":NaN}',
        b'{"token":"a","n":-Infinity}',
        b'{"token":"a\nb"}',
        b'\xef\xbb\xbf{"token":"a"}',
        b'{"done":"true"}',
        b'{"done":1}',
        b'{"done":false}',
        b'{"error":null}',
        b'{"error":false}',
        b'{"error":0}',
        b'{"delta":' + b"[" * 100_000 + b'"\\ud800"',
        b'{"n":' + b"9" * 5000 + b',"s":"\\ud800"}',
    ],
    ids=lambda data: repr(data[:40]),
)
def test_anything_else_says_nothing_and_does_no_harm(data: bytes) -> None:
    frame = SamosachaatEventReader.read(b"raw", data)

    assert frame.token is None
    assert not frame.is_closing
    assert type(frame) is Frame


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b'{"reasoning":"Hm","gpu":0}', Part(PartKind.REASONING, "Hm")),
        (b'{"token":"","reasoning":"Hm"}', Part(PartKind.REASONING, "Hm")),
        (b'{"token":5,"reasoning":"Hm"}', Part(PartKind.REASONING, "Hm")),
        (b'{"token":null,"reasoning":"half \\ud83d"}', Part(PartKind.REASONING, f"half {LONE_HIGH}")),
        (b'{"token":"a","reasoning":"Hm"}', None),
        (b'{"reasoning":null}', None),
        (b"{}", Part(PartKind.DATA, "{}")),
        (b'{"tool":"add","args":[1, 2]}', Part(PartKind.DATA, '{"tool":"add","args":[1,2]}')),
        (b' {\t"a" : "b \\" : c" ,\r\n"d": 1.10 }\n', Part(PartKind.DATA, '{"a":"b \\" : c","d":1.10}')),
        (b'{"a":"\\ud800 \\u0000"}', Part(PartKind.DATA, '{"a":"\\ud800 \\u0000"}')),
        (b'{"a":"\xff"}', Part(PartKind.DATA, '{"a":"\ufffd"}')),
        (b'{"a":1,"a":2}', Part(PartKind.DATA, '{"a":1,"a":2}')),
        (b'{"n":' + b"9" * 400 + b"}", Part(PartKind.DATA, '{"n":' + "9" * 400 + "}")),
        # A model must not tell readers what only the service may tell.
        (b'{"rewind":0}', None),
        (b'{"rewind":0,"tool":"add"}', None),
        (b'{"done":false,"tool":"add"}', None),
        (b'{"error":null,"tool":"add"}', None),
        (b'{"token":5,"tool":"add"}', None),
        (b'{"data":{"rewind":0}}', Part(PartKind.DATA, '{"data":{"rewind":0}}')),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_reasoning_and_objects_are_parts(data: bytes, part: Part | None) -> None:
    frame = SamosachaatEventReader.read(b"raw", data)

    assert frame.part == part
    assert not frame.is_closing
    assert frame.raw == b"raw"


@pytest.mark.parametrize("data", [b"5", b'["a"]', b"[DONE]", b"null"])
def test_what_is_no_object_is_no_part(data: bytes) -> None:
    assert SamosachaatEventReader.read(b"raw", data).part is None


@pytest.mark.parametrize("data", [b'{"done":true}', b'{ "done" : true , "usage":{}}', b'{"x":"\\ud800","done":true}'])
def test_only_true_closes_the_reply(data: bytes) -> None:
    assert SamosachaatEventReader.read(b"raw", data).is_closing


@pytest.mark.parametrize(
    ("data", "finish_reason", "usage"),
    [
        (b'{"done":true}', None, None),
        (b'{"done":true,"finish_reason":"length","usage":{"tokens": 5}}', FinishReason.LENGTH, '{"tokens":5}'),
        (b'{"done":true,"finish_reason":"eos","usage":{}}', None, "{}"),
        (b'{"done":true,"finish_reason":["stop"],"usage":"cheap"}', None, None),
        (b'{"done":true,"finish_reason":null,"usage":null}', None, None),
        (b'{"done":true,"usage":{"x":"' + b"x" * MAX_USAGE_CHARS + b'"}}', None, None),
        (b'{"done":true,"usage":{"x":"\\ud800\\u0000"}}', None, '{"x":"\\ud800\\u0000"}'),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_the_closing_frame_says_why_the_reply_ended_and_what_it_cost(
    data: bytes, finish_reason: FinishReason | None, usage: str | None
) -> None:
    frame = SamosachaatEventReader.read(b"raw", data)

    assert isinstance(frame, ClosingFrame)
    assert (frame.finish_reason, frame.usage) == (finish_reason, usage)


def test_the_last_token_may_come_with_the_end() -> None:
    frame = SamosachaatEventReader.read(b"raw", b'{"token":"!","done":true}')

    assert (frame.token, frame.is_closing) == ("!", True)


@pytest.mark.parametrize(
    ("data", "token", "is_closing"),
    [
        (b'{"error":"out of memory"}', None, False),
        (b'{"error":""}', None, False),
        (b'{"error":{"message":"out of memory","code":500}}', None, False),
        (b'{"error":["out of memory"]}', None, False),
        (b'{"error":true}', None, False),
        (b'{"error":507}', None, False),
        (b'{"error":1e999}', None, False),
        (b'{"error":' + b"[" * 2000 + b"]" * 2000 + b"}", None, False),
        (b'{"error":"half a pair \\ud800","token":"a"}', "a", False),
        (b'{"token":"a","error":"out of memory"}', "a", False),
        (b'{"error":"out of memory","done":true}', None, True),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_every_error_is_one_of_the_model(data: bytes, token: str | None, *, is_closing: bool) -> None:
    frame = SamosachaatEventReader.read(b"raw", data)

    assert isinstance(frame, ErrorFrame)
    assert (frame.raw, frame.token, frame.is_closing) == (b"raw", token, is_closing)


@given(st.text(st.characters()))
def test_every_token_survives_whatever_it_holds(token: str) -> None:
    data = json.dumps({"token": token}).encode()

    assert SamosachaatEventReader.read(b"raw", data).token == token


@given(st.binary(max_size=100))
def test_no_data_is_too_strange(data: bytes) -> None:
    assert SamosachaatEventReader.read(data, data).raw == data
