"""Reads the chunks of a chat completion, and a completion that comes as one document."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import orjson

from chatcore.errors import InferenceRefusedError
from chatcore.ports import Frame
from chatcore.ports.inference import usage_json
from chatcore_inference.browser_json import Json, read_object
from chatcore_inference.protocols.openai.content import reasoning_in, text_in
from chatcore_inference.protocols.openai.loose_json import list_or_empty, object_or_empty, text_or_empty
from chatcore_inference.protocols.openai.our_frames import closing_frame, data_frames, reasoning_frame, text_frame
from chatcore_inference.protocols.openai.refusals import has_error, refusal
from chatcore_inference.protocols.openai.tool_calls import ToolCalls

_END = b"[DONE]"
# The reasons that servers give for a reply which they broke off.
_BROKEN_OFF = frozenset({"error", "abort"})
# More tokens than any reply has.
_MAX_TOKEN_COUNT = 10_000_000


class OpenAiEventReader:
    """Writes frames of our format for the chunks of one reply.

    The class is an :class:`~chatcore_inference.http.event_reader.EventReader`.

    Args:
        so_far: the beginning of the answer, which llama.cpp repeats in a completion that is one document.
    """

    __slots__ = ("_finish_reason", "_so_far", "_tool_calls", "_usage")

    reads_documents = True

    def __init__(self, so_far: str = "") -> None:
        self._so_far = so_far
        self._finish_reason: str | None = None
        self._tool_calls = ToolCalls()
        self._usage: dict[str, object] = {}

    def read(self, raw: bytes, data: bytes) -> Frame | tuple[Frame, ...]:  # noqa: ARG002 - the interface has it
        """Returns the frames for a chunk, as :meth:`chatcore_inference.http.event_reader.EventReader.read` says.

        Raises:
            InferenceRefusedError: the chunk reports an error.
        """
        if data == _END:
            return self._end()
        chunk = _loaded(data)
        if (text := _lone_text(chunk)) is not None:
            return text_frame(text)
        return tuple(self._frames(chunk, "delta")) if isinstance(chunk, dict) else ()

    @staticmethod
    def read_empty(raw: bytes) -> tuple[Frame, ...]:  # noqa: ARG004 - the interface has it
        """Returns no frames, because a comment of the server says nothing to readers."""
        return ()

    def read_end(self) -> tuple[Frame, ...]:
        """Returns the last frames, as :meth:`chatcore_inference.http.event_reader.EventReader.read_end` says.

        A reply whose reason to end is known is complete: some servers do not send `[DONE]`.
        """
        return self._end() if self._finish_reason is not None else ()

    def read_document(self, status: int, document: bytes) -> tuple[Frame, ...]:
        """Returns the frames for a completion in one document, as the interface of the reader says."""
        completion = _loaded(document)
        if status != HTTPStatus.OK or not isinstance(completion, dict):
            raise refusal(completion)
        frames = tuple(self._frames(completion, "message", self._so_far))
        if "message" not in _first_choice(completion):
            raise InferenceRefusedError
        return frames + self._end()

    def _frames(self, chunk: dict[str, object], field: str, so_far: str = "") -> Iterator[Frame]:
        if has_error(chunk):
            raise refusal(chunk)
        self._usage = object_or_empty(chunk.get("usage")) or self._usage
        choice = _first_choice(chunk)
        yield from self._delta_frames(object_or_empty(choice.get(field)), so_far)
        if reason := text_or_empty(choice.get("finish_reason")):
            if reason in _BROKEN_OFF:
                raise refusal(choice)
            self._finish_reason = reason
            yield from self._call_frames()

    def _delta_frames(self, delta: dict[str, object], so_far: str) -> Iterator[Frame]:
        if reasoning := reasoning_in(delta):
            yield reasoning_frame(reasoning)
        if text := text_in(delta).removeprefix(so_far):
            yield text_frame(text)
        self._tool_calls.add(delta.get("tool_calls"))

    def _call_frames(self) -> Iterator[Frame]:
        for call in self._tool_calls.take():
            yield from data_frames({"tool_calls": [call]})

    def _end(self) -> tuple[Frame, ...]:
        usage = self._usage
        written = usage_json(usage) if usage else None
        usage_frames = () if written is None else data_frames({"usage": usage})
        closing = closing_frame(self._finish_reason, usage=written, token_count=_token_count(usage))
        return (*self._call_frames(), *usage_frames, closing)


def _loaded(data: bytes) -> Json:
    try:
        loaded: Json = orjson.loads(data)
    except orjson.JSONDecodeError:
        return read_object(data)
    return loaded


def _lone_text(chunk: Any) -> str | None:  # noqa: ANN401 - whatever a server sends
    """Returns the text of a chunk that has nothing else, as nearly every chunk; None for any other chunk."""
    try:
        (choice,) = chunk["choices"]
        delta = choice["delta"]
        text = delta["content"]
    except (TypeError, KeyError, ValueError):
        return None
    is_alone = len(delta) == 1 and not (choice.get("finish_reason") or choice.get("index") or chunk.get("usage"))
    return text if is_alone and text and type(text) is str and not has_error(chunk) else None


def _first_choice(chunk: dict[str, object]) -> dict[str, object]:
    """Returns the first choice, or an empty one if the chunk concerns none or another one."""
    for choice in map(object_or_empty, list_or_empty(chunk.get("choices"))):
        if not choice.get("index"):
            return choice
    return {}


def _token_count(usage: dict[str, object]) -> int | None:
    count = usage.get("completion_tokens")
    return count if type(count) is int and 0 <= count <= _MAX_TOKEN_COUNT else None
