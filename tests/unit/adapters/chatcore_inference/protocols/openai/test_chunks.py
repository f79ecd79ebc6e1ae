"""Tests how the chunks of a chat completion become frames, as servers in the wild send them."""

import json
import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.conversations.message import FinishReason
from chatcore.conversations.parts import PartKind
from chatcore.errors import ContextTooLongError, InferenceRefusedError
from chatcore.ports import Frame
from chatcore.ports.inference import ClosingFrame
from chatcore_inference.protocols.openai.chunks import OpenAiEventReader

USAGE = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}
DONE = {"done": True, "finish_reason": "stop"}


def chunk(delta: object = None, *, finish_reason: str | None = None, **fields: object) -> dict[str, object]:
    """Returns a chunk as most servers send it."""
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **fields}


STOP = chunk(finish_reason="stop")


def frames_of(*chunks: object, is_done: bool = True) -> list[Frame]:
    """Returns all frames of a stream, those at its end included."""
    reader = OpenAiEventReader()
    frames: list[Frame] = []
    for data in (*(json.dumps(each).encode() for each in chunks), *([b"[DONE]"] if is_done else [])):
        made = reader.read(b"raw", data)
        frames += made if isinstance(made, tuple) else (made,)
    return frames + list(() if is_done else reader.read_end())


def read(*chunks: object, is_done: bool = True) -> list[object]:
    """Returns what the frames of a stream say to a browser."""
    return [json.loads(frame.raw.removeprefix(b"data: ")) for frame in frames_of(*chunks, is_done=is_done)]


def test_content_is_text() -> None:
    text, closing = frames_of(chunk({"content": "Hel\n"}), STOP)

    assert text.raw == b'data: {"token":"Hel\\n"}\n\n'
    assert text.token == "Hel\n"
    assert closing.raw == b'data: {"done":true,"finish_reason":"stop"}\n\n'
    assert closing.is_closing


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_has_either_name(name: str) -> None:
    reasoning, text, _ = frames_of(chunk({name: "Hm", "content": None}), chunk({"content": "So"}), STOP)

    assert reasoning.raw == b'data: {"reasoning":"Hm"}\n\n'
    assert reasoning.token is None
    assert reasoning.part is not None
    assert (reasoning.part.kind, reasoning.part.body) == (PartKind.REASONING, "Hm")
    assert text.token == "So"


def test_reasoning_under_both_names_comes_once() -> None:
    assert read(chunk({"reasoning": "Hm", "reasoning_content": "Hm", "content": ""}), STOP) == [
        {"reasoning": "Hm"},
        DONE,
    ]


def test_reasoning_and_text_in_one_chunk_both_come() -> None:
    assert read(chunk({"reasoning": "Hm", "content": "So"}), STOP) == [{"reasoning": "Hm"}, {"token": "So"}, DONE]


@pytest.mark.parametrize("choices", [[], [{"delta": {}}], [{"delta": {}, "finish_reason": None, "index": 0}]])
def test_usage_comes_with_or_without_choices(choices: list[object]) -> None:
    usage, closing = frames_of(STOP, chunk(choices=choices, usage=USAGE))

    assert usage.raw == b'data: {"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}\n\n'
    assert usage.part is not None
    assert usage.part.kind is PartKind.DATA
    assert isinstance(closing, ClosingFrame)
    assert closing.usage == json.dumps(USAGE, separators=(",", ":"))
    assert closing.token_count == 12


def test_usage_in_every_chunk_comes_once_and_the_last_one_counts() -> None:
    first, second = {"completion_tokens": 1}, {"completion_tokens": 2}

    assert read(chunk({"content": "a"}, usage=first), chunk({"content": "b"}, usage=second), STOP) == [
        {"token": "a"},
        {"token": "b"},
        {"usage": second},
        DONE,
    ]


@pytest.mark.parametrize("usage", [None, 5, [], {}, "cheap"])
def test_usage_that_says_nothing_is_left_out(usage: object) -> None:
    (closing,) = frames_of(chunk(finish_reason="stop", usage=usage))

    assert isinstance(closing, ClosingFrame)
    assert closing.usage is None
    assert closing.token_count is None


@pytest.mark.parametrize("count", [None, -1, 1.5, True, "7", 10**12])
def test_a_count_that_is_none_is_not_taken(count: object) -> None:
    *_, closing = frames_of(STOP, chunk(choices=[], usage={"completion_tokens": count}))

    assert isinstance(closing, ClosingFrame)
    assert closing.token_count is None


@pytest.mark.parametrize("usage", [b'{"completion_tokens":7,"x":1e999}', b'{"x":' + b"[" * 1000 + b"]" * 1000 + b"}"])
def test_usage_that_browsers_could_not_read_is_left_out(usage: bytes) -> None:
    reader = OpenAiEventReader()
    assert reader.read(b"raw", b'{"choices":[{"finish_reason":"stop"}],"usage":%b}' % usage) == ()

    (closing,) = reader.read_end()

    assert isinstance(closing, ClosingFrame)
    assert closing.usage is None


def test_usage_that_is_too_long_to_store_is_left_out() -> None:
    *_, closing = frames_of(STOP, chunk(choices=[], usage={"completion_tokens": 7, "details": "x" * 5000}))

    assert isinstance(closing, ClosingFrame)
    assert closing.usage is None
    assert closing.token_count == 7


@pytest.mark.parametrize(
    "silent",
    [
        chunk(choices=[], prompt_filter_results=[{"prompt_index": 0, "content_filter_results": {}}]),
        chunk(choices=[{"index": 0, "finish_reason": None, "content_filter_results": {"hate": {"filtered": False}}}]),
        chunk({"role": "assistant", "content": None}),
        chunk({"role": "assistant", "content": ""}),
        chunk({"role": "", "content": None}),
        chunk({"role": "assistant", "content": None, "refusal": None, "tool_calls": None, "reasoning": None}),
        chunk({"content": 5}),
        chunk({"content": {"text": "a"}}),
        chunk("Hel"),
        chunk(choices=None),
        chunk(choices="a"),
        chunk(choices=[None, 5]),
        chunk(choices={"delta": {"content": "a"}}),
        {},
        [],
        5,
        None,
    ],
    ids=lambda silent: json.dumps(silent)[-60:],
)
def test_a_chunk_that_adds_nothing_makes_no_frame(silent: object) -> None:
    assert read(silent, chunk({"content": "Hel"}), silent, STOP) == [{"token": "Hel"}, DONE]


def test_an_empty_role_does_not_hide_the_text() -> None:
    assert read(chunk({"role": "", "content": "Hel"}), STOP) == [{"token": "Hel"}, DONE]


def test_content_may_be_a_list_of_parts() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
        {"type": "text", "text": "Hel"},
        {"type": "image_url", "image_url": {"url": "x"}},
        {"type": "text"},
        None,
        {"type": "text", "text": "lo"},
    ]

    assert read(chunk({"content": parts}), STOP) == [{"reasoning": "Hm"}, {"token": "Hello"}, DONE]


def test_a_refusal_is_text() -> None:
    assert read(chunk({"refusal": "I can", "content": None}), chunk({"refusal": "not."}), STOP) == [
        {"token": "I can"},
        {"token": "not."},
        DONE,
    ]


def test_of_several_choices_the_first_is_taken() -> None:
    both = [{"index": 1, "delta": {"content": "no"}}, {"index": 0, "delta": {"content": "yes"}}]
    other = [{"index": 1, "delta": {"content": "no"}, "finish_reason": "length"}]

    assert read(chunk(choices=both), chunk(choices=other), STOP) == [{"token": "yes"}, DONE]


def test_a_choice_without_an_index_is_the_first() -> None:
    assert read(chunk(choices=[{"delta": {"content": "Hel"}}]), STOP) == [{"token": "Hel"}, DONE]


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter", "tool_calls"])
def test_a_known_reason_to_end_is_passed_on(reason: str) -> None:
    text, closing = frames_of(chunk({"content": "Hel"}, finish_reason=reason))

    assert text.token == "Hel"
    assert isinstance(closing, ClosingFrame)
    assert closing.finish_reason is FinishReason(reason)
    assert json.loads(closing.raw.removeprefix(b"data: ")) == {"done": True, "finish_reason": reason}


@pytest.mark.parametrize("reason", ["eos", "function_call", "STOP", "\ud800"])
def test_an_unknown_reason_ends_the_reply_without_one(reason: str) -> None:
    (closing,) = frames_of(chunk(finish_reason=reason), is_done=False)

    assert isinstance(closing, ClosingFrame)
    assert closing.finish_reason is None
    assert json.loads(closing.raw.removeprefix(b"data: ")) == {"done": True, "finish_reason": None}


@pytest.mark.parametrize("reason", ["error", "abort"])
def test_a_reason_that_means_failure_is_a_refusal(reason: str) -> None:
    with pytest.raises(InferenceRefusedError):
        frames_of(chunk(finish_reason=reason))


def test_an_end_with_a_reason_needs_no_done() -> None:
    assert read(chunk({"content": "Hel"}), STOP, is_done=False) == [{"token": "Hel"}, DONE]


def test_done_needs_no_reason() -> None:
    assert read(chunk({"content": "Hel"})) == [{"token": "Hel"}, {"done": True, "finish_reason": None}]


@pytest.mark.parametrize("reason", [None, "", 5])
def test_an_end_without_done_and_without_a_reason_closes_nothing(reason: object) -> None:
    assert read(chunk(choices=[{"delta": {"content": "Hel"}, "finish_reason": reason}]), is_done=False) == [
        {"token": "Hel"}
    ]


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "secret", "code": 502}},
        chunk({"content": ""}, finish_reason="error", error={"code": 502, "message": "secret"}),
        {"error": "secret"},
        {"error": {}},
        {"object": "error", "message": "secret", "code": 500},
    ],
)
def test_an_error_in_the_stream_is_a_refusal(error: object) -> None:
    with pytest.raises(InferenceRefusedError) as refused:
        frames_of(chunk({"content": "Hel"}), error)

    assert type(refused.value) is InferenceRefusedError
    assert "secret" not in str(refused.value)


def test_an_error_in_the_stream_may_be_that_the_conversation_is_too_long() -> None:
    with pytest.raises(ContextTooLongError):
        frames_of({"error": {"message": "the request exceeds the available context size, try increasing it"}})


@pytest.mark.parametrize("error", [None, False, 0])
def test_no_error_is_no_error(error: object) -> None:
    assert read(chunk({"content": "Hel"}, error=error), STOP) == [{"token": "Hel"}, DONE]


def test_tool_calls_come_one_by_one_when_they_are_whole() -> None:
    first = {"index": 0, "id": "a", "type": "function", "function": {"name": "add", "arguments": ""}}
    second = {"index": 1, "id": "b", "type": "function", "function": {"name": "sub", "arguments": "{}"}}
    rest = {"index": 0, "function": {"arguments": '{"x":1}'}}

    assert read(
        chunk({"tool_calls": [first]}),
        chunk({"tool_calls": [second, rest]}),
        chunk(finish_reason="tool_calls"),
        chunk(choices=[], usage=USAGE),
    ) == [
        {"tool_calls": [{"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"x":1}'}}]},
        {"tool_calls": [{"id": "b", "type": "function", "function": {"name": "sub", "arguments": "{}"}}]},
        {"usage": USAGE},
        {"done": True, "finish_reason": "tool_calls"},
    ]


def test_tool_calls_that_are_not_whole_are_dropped() -> None:
    piece = {"index": 0, "id": "a", "function": {"name": "add", "arguments": '{"x":'}}

    assert read(chunk({"tool_calls": [piece]}), is_done=False) == []


@pytest.mark.parametrize(
    ("before", "level", "after"),
    [
        (b'{"choices":[{"delta":{"content":', b'[{"type":"text","text":', b"}}]}"),
        (b'{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":', b'{"a":', b"}}]}}]}"),
    ],
)
def test_deep_nesting_does_no_harm(before: bytes, level: bytes, after: bytes) -> None:
    closing = level.replace(b"[", b"]").replace(b"{", b"}")
    data = before + level * 400 + b"1" + bytes(reversed(re.sub(rb"[^\]}]", b"", closing))) * 400 + after
    assert orjson.loads(data)

    assert OpenAiEventReader().read(b"raw", data) == ()


def test_an_error_that_is_nested_deeply_is_a_refusal() -> None:
    with pytest.raises(InferenceRefusedError):
        OpenAiEventReader().read(b"raw", b'{"error":' * 1000 + b"1" + b"}" * 1000)


def test_half_of_a_surrogate_pair_is_passed_on_like_any_text() -> None:
    first, second, _ = frames_of(chunk({"content": "\ud83d"}), chunk({"content": "\ude00"}), STOP)

    assert (first.token, second.token) == ("\ud83d", "\ude00")
    assert first.raw == b'data: {"token":"\\ud83d"}\n\n'


@pytest.mark.parametrize("data", [b"", b"not JSON", b'{"choices":', b"[DONE", b"\xff", b"[" * 100_000])
def test_what_is_no_json_makes_no_frame(data: bytes) -> None:
    assert OpenAiEventReader().read(b"raw", data) == ()


# -- A completion in one document --------------------------------------------------------------------------------------


def document(message: object, **fields: object) -> bytes:
    """Returns a completion that was not streamed."""
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"object": "chat.completion", "choices": [choice], **fields}).encode()


def test_a_document_is_a_whole_reply() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    message = {"role": "assistant", "reasoning_content": "Hm", "content": "Hello", "tool_calls": [call]}

    frames = OpenAiEventReader().read_document(200, document(message, usage=USAGE))

    assert [json.loads(frame.raw.removeprefix(b"data: ")) for frame in frames] == [
        {"reasoning": "Hm"},
        {"token": "Hello"},
        {"tool_calls": [call]},
        {"usage": USAGE},
        DONE,
    ]


@pytest.mark.parametrize("content", ["Hello", "lo"])
def test_a_document_may_repeat_the_beginning_of_the_answer(content: str) -> None:
    text, _ = OpenAiEventReader("Hel").read_document(200, document({"content": content}))

    assert text.token == "lo"


@pytest.mark.parametrize("reason", [None, ""])
def test_a_document_is_whole_without_a_reason_to_end(reason: object) -> None:
    choice = {"message": {"content": "Hello"}, "finish_reason": reason}
    text, closing = OpenAiEventReader().read_document(200, json.dumps({"choices": [choice]}).encode())

    assert (text.token, closing.is_closing) == ("Hello", True)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b"<html>"),
        (200, b""),
        (200, b"{}"),
        (200, b"[]"),
        (200, b'{"choices":[]}'),
        (200, b'{"error":{"message":"no"}}'),
        (429, b'{"error":{"message":"Rate limit reached"}}'),
        (500, document({"content": "Hel"})),
    ],
)
def test_any_other_document_is_a_refusal(status: int, content: bytes) -> None:
    with pytest.raises(InferenceRefusedError) as refused:
        OpenAiEventReader().read_document(status, content)

    assert type(refused.value) is InferenceRefusedError


# -- Anything at all ---------------------------------------------------------------------------------------------------

_NAMES = (
    *("choices", "delta", "message", "content", "index", "finish_reason", "tool_calls", "function", "name"),
    *("arguments", "id", "type", "text", "usage", "completion_tokens", "reasoning", "refusal", "error"),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.lists(_JSON, max_size=5))
def test_whatever_a_server_sends_becomes_frames_or_a_refusal(chunks: list[object]) -> None:
    try:
        frames = frames_of(*chunks)
    except InferenceRefusedError:
        return
    assert [frame.is_closing for frame in frames] == [False] * (len(frames) - 1) + [True]
    for frame in frames:
        said = json.loads(frame.raw.removeprefix(b"data: ").removesuffix(b"\n\n"))
        assert said.get("token") == frame.token
