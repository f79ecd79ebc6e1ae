"""The cases of the public SSE suites, ported: what each event's data is.

The names follow web-platform-tests' `eventsource/format-*` and LaunchDarkly's SSE contract tests. Both test clients
that act on `id`, `event` and `retry`; here only the data counts, and that the frames are the input.
"""

import pytest

from chatcore.ports import Frame
from chatcore_inference.frames import data_of
from chatcore_inference.limits import InferenceLimits
from chatcore_inference.receiver import ReplyReceiver
from chatcore_inference.sse import BYTE_ORDER_MARK, FrameSplitter

CASES: dict[str, tuple[bytes, list[bytes]]] = {
    "format-bom": (BYTE_ORDER_MARK + b"data:1\n\n\xef\xbb\xbfdata:2\n\ndata:3\n\n", [b"1", b"3"]),
    "format-bom-2": (BYTE_ORDER_MARK * 2 + b"data:1\n\ndata:2\n\ndata:3\n\n", [b"2", b"3"]),
    "format-comments": (
        b"data:1\r:\0\n:\r\ndata:2\n:" + b"x" * 2048 + b"\rdata:3\n:data:fail\r:" + b"x" * 2048 + b"\ndata:4\n\n",
        [b"1\n2\n3\n4"],
    ),
    "format-data-before-final-empty-line": (b"retry:1000\ndata:test1\n\nid:test\ndata:test2", [b"test1"]),
    "format-field-data": (b"data:\n\ndata\ndata\n\ndata:test\n\n", [b"\n", b"test"]),
    "format-field-event": (b"event:test\ndata:x\n\ndata:x\n\n", [b"x", b"x"]),
    "format-field-event-empty": (b"event: \ndata:data\n\n", [b"data"]),
    "format-field-id": (b"id: \xe2\x80\xa6\ndata:hello\n\n", [b"hello"]),
    "format-field-id-null": (b"id:a\0\ndata:hello\n\n", [b"hello"]),
    "format-field-parsing": (
        (
            b"data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n"
            b" data:32\ndata:4\n\n"
        ),
        [b"\0\n 2\n1\n3\n\n4"],
    ),
    "format-field-retry": (b"retry:03000\ndata:x\n\n", [b"x"]),
    "format-field-retry-bogus": (b"retry:3000\nretry:1000x\ndata:x\n\n", [b"x"]),
    "format-field-retry-empty": (b"retry\ndata:test\n\n", [b"test"]),
    "format-field-unknown": (b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\n\n", [b"test\n"]),
    "format-leading-space": (b"data:\ttest\rdata: \ndata:test\n\n", [b"\ttest\n\ntest"]),
    "format-newlines": (b"data:test\r\ndata\ndata:test\r\n\r\n", [b"test\n\ntest"]),
    "format-null-character": (b"data:\0\n\n\n\n", [b"\0"]),
    "format-utf-8": ("data:ok…\n\n".encode(), ["ok…".encode()]),
    "one-line message in one chunk": (b"data: Hello\n\n", [b"Hello"]),
    "two one-line messages in one chunk": (b"data: Hello\n\ndata: World\n\n", [b"Hello", b"World"]),
    "multi-line message": (b"data: Hello\ndata: World\n\n", [b"Hello\nWorld"]),
    "all fields": (b"data: Hello\nid: 1\nevent: x\nretry: 5\n\n", [b"Hello"]),
    "message with comments in between": (b":a\ndata: Hello\n:b\ndata: World\n:c\n\n", [b"Hello\nWorld"]),
    "comment alone": (b": keep-alive\n\n", []),
    "event without data": (b"event: ping\nid: 1\n\n", []),
    "field with only a colon": (b":\n\ndata:\n\n", []),
    "only one leading space is dropped": (b"data:  Hello\n\n", [b" Hello"]),
    "no leading space": (b"data:Hello\n\n", [b"Hello"]),
    "trailing space stays": (b"data: Hello \n\n", [b"Hello "]),
    "colon in the value": (b"data: a:b: c\n\n", [b"a:b: c"]),
    "name in upper case is unknown": (b"DATA: Hello\n\n", []),
    "byte order mark at start": (BYTE_ORDER_MARK + b"data: Hello\n\n", [b"Hello"]),
    "byte order mark in the value": (b"data: \xef\xbb\xbfHello\n\n", [b"\xef\xbb\xbfHello"]),
    "unfinished message": (b"data: Hello\n\ndata: World\n", [b"Hello"]),
    "U+2028, U+2029 and U+0085 end no lines": (
        "data: a\u2028b\u2029c\u0085d\x0b\x0c\x1c\n\n".encode(),
        ["a\u2028b\u2029c\u0085d\x0b\x0c\x1c".encode()],
    ),
}


def data_by_splitting(chunks: list[bytes]) -> tuple[list[bytes], bytes]:
    splitter = FrameSplitter(10_000)
    frames = [frame for chunk in chunks for frame in splitter.feed(chunk)]
    read = [data_of(frame.removeprefix(BYTE_ORDER_MARK) if n == 0 else frame) for n, frame in enumerate(frames)]
    return [data for data in read if data is not None], b"".join(frames)


@pytest.mark.parametrize("size", [1, 2, 10_000], ids=["one byte", "two bytes", "whole"])
@pytest.mark.parametrize("name", CASES)
def test_data_is_read_as_the_public_suites_say(name: str, size: int) -> None:
    body, expected = CASES[name]

    data, frames = data_by_splitting([body[i : i + size] for i in range(0, len(body), size)])

    assert data == expected
    assert body.startswith(frames)


@pytest.mark.parametrize("name", CASES)
def test_the_receiver_counts_what_carries_data_and_passes_on_every_byte(name: str) -> None:
    body, expected = CASES[name]
    frames: list[Frame] = []
    receiver = ReplyReceiver(frames.append, InferenceLimits())

    receiver.feed(body)
    receiver.finish()

    assert receiver.data_frames == len(expected)
    assert body.startswith(b"".join(frame.raw for frame in frames))
