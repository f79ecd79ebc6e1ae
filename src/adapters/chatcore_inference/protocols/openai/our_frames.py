"""Writes frames of our stream format for what an OpenAI-compatible server says in its own."""

import json
from collections.abc import Mapping

import orjson

from chatcore.conversations.message import FinishReason
from chatcore.conversations.parts import MAX_DATA_BYTES, Part, PartKind
from chatcore.ports import Frame
from chatcore.ports.inference import ClosingFrame
from chatcore_inference.protocols.openai.loose_json import compact_json

_FINISH_REASONS = {reason.value: reason for reason in FinishReason}


def text_frame(text: str) -> Frame:
    """Returns the frame with the next piece of text."""
    try:
        return Frame(b'data: {"token":%b}\n\n' % orjson.dumps(text), text)
    except TypeError:  # orjson does not write half of a surrogate pair, whose other half may follow.
        return Frame(b'data: {"token":%b}\n\n' % json.dumps(text).encode(), text)


def reasoning_frame(reasoning: str) -> Frame:
    """Returns the frame with the next piece of reasoning."""
    return Frame(
        b'data: {"reasoning":%b}\n\n' % json.dumps(reasoning).encode(), part=Part(PartKind.REASONING, reasoning)
    )


def data_frames(value: Mapping[str, object]) -> tuple[Frame, ...]:
    """Returns the frame with a data part, or none for a value that cannot be written as JSON of 256 KiB."""
    written = compact_json(value)
    if written is None or len(written) > MAX_DATA_BYTES:
        return ()
    return (Frame(b"data: %b\n\n" % written.encode(), part=Part(PartKind.DATA, written)),)


def closing_frame(finish_reason: str | None, *, usage: str | None, token_count: int | None) -> ClosingFrame:
    """Returns the frame that ends a reply; a reason that our stream format does not have counts as none.

    Args:
        finish_reason: why the model ended the reply, in the server's words.
        usage: what the reply cost, in JSON.
        token_count: how many tokens the reply has, as the server says.
    """
    reason = _FINISH_REASONS.get(finish_reason or "")
    written = orjson.dumps({"done": True, "finish_reason": reason})
    return ClosingFrame(b"data: %b\n\n" % written, finish_reason=reason, usage=usage, token_count=token_count)
