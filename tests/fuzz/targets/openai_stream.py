"""Checks that a chat completion becomes a stream of our format, the same wherever it is cut, or is refused."""

import json
from typing import NoReturn

from chatcore.errors import InferenceRefusedError
from chatcore_inference.protocols.openai.chunks import OpenAiEventReader
from tests.fuzz.targets.chunks import chunks_in, cut, uncut
from tests.fuzz.targets.received import received

_COMPLETIONS = (
    b'data: {"choices":[{"delta":{"content":"Hel"}}]}\n\ndata: {"choices":[{"finish_reason":"stop"}]}\n\n',
    b': PROCESSING\n\ndata: {"choices":[{"delta":{"reasoning":"Hm","content":"\\ud83d"}}]}\r\n\r\ndata: [DONE]\n\n',
    b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]}}]}\n\n',
    b'data: {"choices":[{"delta":{"tool_calls":[{"id":"b","function":{"arguments":{"x":1e999}}}]}}]}\n\ndata: [DONE]',
    b'data: {"choices":[],"usage":{"completion_tokens":7,"x":1e999}}\n\ndata: [DONE]\n\n',
    b'data: {"choices":[{"delta":{"content":[{"type":"text","text":"a"},{"type":"thinking","thinking":"b"}]}}]}\n\n',
    b'data: {"error":{"message":"the maximum context length is 1"}}\n\n',
    b'{"choices":[{"message":{"content":"Hello","refusal":"no"},"finish_reason":"length"}],"usage":{}}',
)
SEEDS = tuple(make(body) for body in _COMPLETIONS for make in (cut, uncut))


def check(data: bytes) -> None:
    """Reads a completion in chunks and in one piece, and as a document."""
    chunks = chunks_in(data)
    body = b"".join(chunks)
    outcome = received(chunks, OpenAiEventReader())

    assert outcome == received([body], OpenAiEventReader())
    outcome.require_order()
    for raw, token, is_closing in outcome.frames:
        _require_our_format(raw, token, is_closing=is_closing)
    _check_document(body)


def _check_document(body: bytes) -> None:
    try:
        frames = OpenAiEventReader("Hel").read_document(200, body)
    except InferenceRefusedError:
        return
    assert [frame.is_closing for frame in frames] == [False] * (len(frames) - 1) + [True]
    for frame in frames:
        _require_our_format(frame.raw, frame.token, is_closing=frame.is_closing)


def _require_our_format(raw: bytes, token: str | None, *, is_closing: bool) -> None:
    assert raw.startswith(b"data: {")
    assert raw.endswith(b"}\n\n")
    event = json.loads(raw.removeprefix(b"data: "), parse_constant=_refuse)
    assert event.get("token") == token
    assert (event.get("done") is True) == is_closing
    assert not {"rewind", "error"} & event.keys()


def _refuse(constant: str) -> NoReturn:
    raise AssertionError(f"no browser reads {constant}")
