"""The cases of the public SSE suites, by their names: what comes over the wire, and what each event's data is.

The suites are web-platform-tests' `eventsource/format-*` and LaunchDarkly's SSE contract tests. Both test clients that
act on `id`, `event` and `retry` and come back when a connection breaks. The inference adapter does none of that: it
reads data, and a POST that made text is never made again. What of the suites is about the rest is in the lists at the
end, with where it is tested instead or why it is not.
"""

from collections.abc import Iterator

from attrs import frozen

BOM = b"\xef\xbb\xbf"


@frozen
class SseCase:
    """A stream, and the data of its events."""

    suite: str
    name: str
    #: In the chunks that the suite sends it in.
    chunks: tuple[bytes, ...]
    data: tuple[bytes, ...]

    def __str__(self) -> str:
        return f"{self.suite}: {self.name}"

    @property
    def body(self) -> bytes:
        """Returns the whole stream."""
        return b"".join(self.chunks)


_WPT: dict[str, tuple[bytes, list[bytes]]] = {
    "format-bom": (BOM + b"data:1\n\n" + BOM + b"data:2\n\ndata:3\n\n", [b"1", b"3"]),
    "format-bom-2": (BOM * 2 + b"data:1\n\ndata:2\n\ndata:3\n\n", [b"2", b"3"]),
    "format-comments": (
        b"data:1\r:\0\n:\r\ndata:2\n:" + b"x" * 2048 + b"\rdata:3\n:data:fail\r:" + b"x" * 2048 + b"\ndata:4\n\n",
        [b"1\n2\n3\n4"],
    ),
    "format-data-before-final-empty-line": (b"retry:1000\ndata:test1\n\nid:test\ndata:test2", [b"test1"]),
    "format-field-data": (b"data:\n\ndata\ndata\n\ndata:test\n\n", [b"", b"\n", b"test"]),
    "format-field-event": (b"event:test\ndata:x\n\ndata:x\n\n", [b"x", b"x"]),
    "format-field-event-empty": (b"event: \ndata:data\n\n", [b"data"]),
    "format-field-id": ("id: …\ndata:hello\n\n".encode(), [b"hello"]),
    "format-field-id-2": (
        "id: …\ndata:hello\n\ndata:…\n\ndata:…\n\n".encode(),
        [b"hello", "…".encode(), "…".encode()],
    ),
    "format-field-id-3, persists": (b"id: 1\ndata: a\n\ndata: b\n\n", [b"a", b"b"]),
    "format-field-id-3, changes and persists": (b"id: 1\ndata: a\n\nid: 2\ndata: b\n\ndata: c\n\n", [b"a", b"b", b"c"]),
    "format-field-id-3, resets": (b"id: 1\ndata: a\n\nid:\ndata: b\n\ndata: c\n\n", [b"a", b"b", b"c"]),
    "format-field-id-null": (b"id:\0\0\ndata:hello\n\n", [b"hello"]),
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
}

#: web-platform-tests' `format-mime-*`: a content type, and whether it begins a stream.
CONTENT_TYPES = {
    "format-mime-bogus": ("x bogus", False),
    "format-mime-trailing-semicolon": ("text/event-stream;", True),
    "format-mime-valid-bogus": ("text/x-bogus", False),
}

_BASIC_PARSING: dict[str, tuple[bytes | tuple[bytes, ...], list[bytes]]] = {
    "one-line message in one chunk": (b"data: Hello\n\n", [b"Hello"]),
    "one-line message in two chunks": ((b"data: Hel", b"lo\n\n"), [b"Hello"]),
    "two one-line messages in one chunk": (b"data: Hello\n\ndata: World\n\n", [b"Hello", b"World"]),
    "one two-line message in one chunk": (b"data: Hello\ndata:World\n\n", [b"Hello\nWorld"]),
    "empty data": (b"data:\n\n", [b""]),
    "event with specific type": (b"event: greeting\ndata: Hello\n\n", [b"Hello"]),
    "default event type": (b"data: Hello\n\n", [b"Hello"]),
    "event with ID": (b"id: abc\ndata: Hello\n\n", [b"Hello"]),
    "event with type and ID": (b"event: greeting\nid: abc\ndata: Hello\n\n", [b"Hello"]),
    "ID field is ignored if it contains a null": (b"id: a\0bc\ndata: Hello\n\n", [b"Hello"]),
    "last ID persists if not overridden by later event": (
        (b"id: abc\ndata: first\n\n", b"data: second\n\n"),
        [b"first", b"second"],
    ),
    "last ID can be overridden by an empty value": (
        (b"id: abc\ndata: first\n\n", b"id: \ndata: second\n\n"),
        [b"first", b"second"],
    ),
    "fields in reverse order": (b"data: Hello\nid: abc\nevent: greeting\n\n", [b"Hello"]),
    "unknown field is ignored": (b"event: greeting\ncolor: blue\ndata: Hello\n\n", [b"Hello"]),
    "fields without leading space": (b"event:greeting\ndata:Hello\n\n", [b"Hello"]),
    "fields with extra leading space": (b"event:  greeting\ndata:  Hello\n\n", [b" Hello"]),
    "field with no colon": (b"data\n\ndata\ndata\n\n", [b"", b"\n"]),
    "multi-byte characters": ("data: €豆腐\n\n".encode(), ["€豆腐".encode()]),
    "many messages in rapid succession": (
        b"".join(b"data: message %d\n\n" % n for n in range(100)),
        [b"message %d" % n for n in range(100)],
    ),
    "multi-byte characters sent in single-byte pieces": (
        tuple(bytes([byte]) for byte in "data: €豆腐\n\n".encode()),
        ["€豆腐".encode()],
    ),
}

_BOM: dict[str, tuple[bytes | tuple[bytes, ...], list[bytes]]] = {
    "BOM at start of stream is stripped": (BOM + b"data: Hello\n\n", [b"Hello"]),
    "BOM stripped before first event with type and ID": (
        BOM + b"event: greeting\nid: abc\ndata: Hello\n\n",
        [b"Hello"],
    ),
    "BOM stripped with multiple messages": (BOM + b"data: First\n\ndata: Second\n\n", [b"First", b"Second"]),
    "BOM only stripped at stream start, not from later data": (
        (b"data: First\n\n", b"data: " + BOM + b"Second\n\n"),
        [b"First", BOM + b"Second"],
    ),
    "BOM split across first two chunks": ((BOM[:2], BOM[2:] + b"data: Hello\n\n"), [b"Hello"]),
    "BOM split byte by byte across chunks": ((BOM[:1], BOM[1:2], BOM[2:], b"data: Hello\n\n"), [b"Hello"]),
    "only first BOM at start is stripped": (BOM + b"data: " + BOM + b"Hello\n\n", [BOM + b"Hello"]),
    "no BOM - baseline test": (b"data: Hello\n\n", [b"Hello"]),
    "BOM with multi-line data": (BOM + b"data: Line1\ndata: Line2\n\n", [b"Line1\nLine2"]),
    "BOM with comment at start": (BOM + b":comment\ndata: Hello\n\n", [b"Hello"]),
    "BOM does not affect empty data field": (BOM + b"data:\n\n", [b""]),
}

# That a comment is heard is no concern of a relay; that it is no event, is.
_COMMENTS: dict[str, tuple[bytes | tuple[bytes, ...], list[bytes]]] = {
    "single comment": (b":Hello\n", []),
    "two comments in a row": ((b":Hello\n", b":World\n"), []),
    "comment before event": ((b":Hello\n", b"data: Hello\n\n"), [b"Hello"]),
    "comment after event": ((b"data: Hello\n\n", b":Hello\n"), [b"Hello"]),
}

_LINE_ENDS = {"LF separator": b"\n", "CRLF separator": b"\r\n", "CR separator": b"\r"}

# With LF in place of the separator.
_LINEFEEDS: dict[str, tuple[bytes, list[bytes]]] = {
    "one-line event": (b"data: event 1\n\n", [b"event 1"]),
    "one-line event + two-line event": (
        b"data: event 1\n\ndata: event 2 line 1\ndata: event 2 line 2\n\n",
        [b"event 1", b"event 2 line 1\nevent 2 line 2"],
    ),
    "3-line event with empty line at beginning": (b"data:\ndata: line2\ndata: line3\n\n", [b"\nline2\nline3"]),
    "3-line event with empty line in middle": (b"data: line1\ndata:\ndata: line3\n\n", [b"line1\n\nline3"]),
    "ignores 1 extra empty line": (b"data: event 1\n\n\ndata: event 2\n\n", [b"event 1", b"event 2"]),
    "ignores 2 extra empty lines": (b"data: event 1\n\n\n\ndata: event 2\n\n", [b"event 1", b"event 2"]),
}
_CHUNKINGS = {"one chunk": 1000, "1-character chunks": 1, "2-character chunks": 2}

_SPLIT_CRLF = (b"data: Hello\r", b"\ndata: World\r", b"\n\r\ndata: OK\r", b"\n", b"\r", b"\n")

# Those up to what an event may have here; 262,144 and 1,048,576 bytes are refused on purpose, with an error.
_PAYLOAD_SIZES = (1, 128, 512, 1023, 1024, 1025, 2048, 3999, 4094, 4096, 4098, 6144, 8189, 8192, 8195, 12288, 16384)
_LARGE_PAYLOAD_SIZES = (32768, 65536)


def _wpt() -> Iterator[SseCase]:
    for name, (body, data) in _WPT.items():
        yield SseCase("WPT", name, (body,), tuple(data))


def _launchdarkly() -> Iterator[SseCase]:
    for group, cases in {"basic parsing": _BASIC_PARSING, "BOM": _BOM, "comments": _COMMENTS}.items():
        for name, (sent, data) in cases.items():
            chunks = sent if isinstance(sent, tuple) else (sent,)
            yield SseCase(f"LaunchDarkly, {group}", name, chunks, tuple(data))
    yield from _linefeeds()
    yield SseCase("LaunchDarkly, linefeeds", "CRLF where CR is end of 1 chunk", _SPLIT_CRLF, (b"Hello\nWorld", b"OK"))
    for size in _PAYLOAD_SIZES + _LARGE_PAYLOAD_SIZES:
        payload = b"x" * size
        name = f"payload of {size} bytes is delivered promptly"
        yield SseCase("LaunchDarkly, payload sizes", name, (b"data: " + payload + b"\n\n",), (payload,))


def _linefeeds() -> Iterator[SseCase]:
    for separator, end in _LINE_ENDS.items():
        for name, (body, data) in _LINEFEEDS.items():
            sent = body.replace(b"\n", end)
            for chunking, size in _CHUNKINGS.items():
                chunks = tuple(sent[at : at + size] for at in range(0, len(sent), size))
                full_name = f"{separator}, {name}, {chunking}"
                yield SseCase("LaunchDarkly, linefeeds", full_name, chunks, tuple(data))


def _ours() -> Iterator[SseCase]:
    all_fields = b"data: Hello\nid: 1\nevent: x\nretry: 5\n\n"
    separators = "a\u2028b\u2029c\u0085d\x0b\x0c\x1c".encode()
    for name, body, data in (
        ("all fields", all_fields, [b"Hello"]),
        ("message with comments in between", b":a\ndata: Hello\n:b\ndata: World\n:c\n\n", [b"Hello\nWorld"]),
        ("event without data", b"event: ping\nid: 1\n\n", []),
        ("field with only a colon", b":\n\ndata:\n\n", [b""]),
        ("trailing space stays", b"data: Hello \n\n", [b"Hello "]),
        ("colon in the value", b"data: a:b: c\n\n", [b"a:b: c"]),
        ("name in upper case is unknown", b"DATA: Hello\n\n", []),
        ("unfinished message", b"data: Hello\n\ndata: World\n", [b"Hello"]),
        ("U+2028, U+2029 and U+0085 end no lines", b"data: " + separators + b"\n\n", [separators]),
        ("bytes that are not UTF-8", b"data: \xff\xc0\xaf\xed\xa0\x80\n\n", [b"\xff\xc0\xaf\xed\xa0\x80"]),
        ("half a character, then the end of the line", b"data: \xf0\x9f\n\ndata: x\n\n", [b"\xf0\x9f", b"x"]),
    ):
        yield SseCase("ours", name, (body,), tuple(data))


CASES = (*_wpt(), *_launchdarkly(), *_ours())

#: LaunchDarkly's groups "reconnection" and "HTTP behavior" concern a client that comes back by itself. Two parts here
#: could be meant: the inference adapter, which is a client but never comes back, and the resume stream, whose clients
#: do. For each name: where the same is tested, or why it is not.
ELSEWHERE = {
    "sends ID of last received event": ("the resume stream answers it: test_sse_oracle, faults/test_resuming"),
    "sends ID of last received event that had an ID if later events did not": (
        "every frame of the resume stream has an id; the comments that have none change nothing: test_sse_oracle"
    ),
    "last event ID can be explicitly overridden with an empty value": (
        "the resume stream never sends an empty id (test_sse_oracle) and refuses one (faults/test_resuming)"
    ),
    "discards partial messages on retry": (
        "for the resume stream test_sse_oracle; for the adapter test_client_faults, an error in place of the retry"
    ),
    "new connection established after breaking previous is functional": "faults/test_resuming, fifty times over",
    "sends Last-Event-Id in initial request if set": "the resume stream answers it: faults/test_resuming",
    "204 halts re-connection attempts": (
        "the resume stream sends it to who has everything: faults/test_resuming; "
        "to the adapter 204 is a refusal: test_client_faults"
    ),
    "can set read timeout": "test_limits; it ends the reply, and nothing is asked again",
    "default method and headers": (
        "the adapter sends POST, without Last-Event-ID and Cache-Control: test_client_streams says what it sends"
    ),
    "custom headers": "the internal key, the trace and the user: test_client_streams",
    "POST request": "test_client_streams",
    "client follows 301 redirect": "it must not, the key goes along with the request: test_hostile_inference",
    "client follows 307 redirect": "it must not: test_hostile_inference",
    "client handles empty Location header with 301 status": "refused like all redirects: test_hostile_inference",
    "client handles missing Location header with 301 status": "refused like all redirects: test_hostile_inference",
    "client handles empty Location header with 307 status": "refused like all redirects: test_hostile_inference",
    "client handles missing Location header with 307 status": "refused like all redirects: test_hostile_inference",
    "caller can trigger a restart": "not applicable: nothing in the service is a client that could be restarted",
    "resends request body if any when reconnecting": (
        "must not: text that was made once must not be made twice. A request that was hardly seen is sent again: "
        "test_pool"
    ),
    "REPORT request": "not applicable: the method is fixed",
}
