"""Writes and reads frames of our stream format."""

import json
from typing import cast

from chatcore.conversations.message import FinishReason
from chatcore.conversations.parts import Part, PartKind, data_part
from chatcore.ports import Frame
from chatcore.ports.inference import RESERVED_KEYS, ClosingFrame, usage_json

#: The frame that ends a reply.
DONE_FRAME = b'data: {"done":true}\n\n'

_FINISH_REASONS = frozenset(FinishReason)

_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")


def token_frame(token: str) -> bytes:
    """Returns the frame that carries `token`."""
    return f"data: {json.dumps({'token': token})}\n\n".encode()


def is_finished(raw: bytes) -> bool:
    """Returns whether a frame ends with its blank line."""
    return raw.endswith(_BLANK_LINES) or raw in {b"\n", b"\r\n", b"\r"}


def reports_error(raw: bytes) -> bool:
    """Returns whether the model reports an error in a frame."""
    return (_payload(raw) or {}).get("error") not in (None, False)


def parse(raw: bytes) -> Frame:
    """Returns the frame of one whole event."""
    payload = _payload(raw)
    if payload is None:
        return Frame(raw)
    value = payload.get("token")
    token = value if isinstance(value, str) else None
    part = None if token else _part(payload, raw)
    return _closing(raw, token, part, payload) if payload.get("done") is True else Frame(raw, token, part=part)


def _closing(raw: bytes, token: str | None, part: Part | None, payload: dict[str, object]) -> Frame:
    reason, usage = payload.get("finish_reason"), payload.get("usage")
    return ClosingFrame(
        raw,
        token,
        part=part,
        finish_reason=FinishReason(reason) if isinstance(reason, str) and reason in _FINISH_REASONS else None,
        usage=usage_json(cast("dict[str, object]", usage)) if isinstance(usage, dict) else None,
    )


def _part(payload: dict[str, object], raw: bytes) -> Part | None:
    reasoning = payload.get("reasoning")
    if isinstance(reasoning, str):
        return Part(PartKind.REASONING, reasoning)
    return data_part(_data(raw).decode(errors="replace")) if RESERVED_KEYS.isdisjoint(payload) else None


def _payload(raw: bytes) -> dict[str, object] | None:
    try:
        payload: object = json.loads(_data(raw))
    except ValueError:
        return None
    return cast("dict[str, object]", payload) if isinstance(payload, dict) else None


def _data(raw: bytes) -> bytes:
    lines = [line[5:].removeprefix(b" ") for line in raw.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines)
