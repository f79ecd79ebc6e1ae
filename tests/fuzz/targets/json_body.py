"""Checks that every request body is decoded within the rules of the API, or refused with an error of the API."""

import asyncio
import math
from collections.abc import Iterator

from attrs import AttrsInstance
from starlette.requests import Request
from starlette.types import Message

from chatcore.conversations.changes import UNSET
from chatcore.errors import InvalidInputError
from chatcore.input_limits import InputLimits
from chatcore_service.api.conversations import ChangesBody, NewConversationBody, RenameBody
from chatcore_service.api.message_bodies import NewMessageBody, RegenerationBody
from chatcore_service.api.models import SwapBody
from chatcore_service.http.body_reader import BodyReader
from chatcore_service.http.decoding import decode_body
from chatcore_service.http.refusals import BodyTooLargeError, RefusedError
from chatcore_service.settings import RequestSettings
from tests.fuzz.targets.chunks import chunks_in, cut, uncut

_BODY_TYPES = (ChangesBody, NewConversationBody, NewMessageBody, RegenerationBody, RenameBody, SwapBody)
_MOST_BYTES = 1024
_READER = BodyReader(RequestSettings(max_body_bytes=_MOST_BYTES))
_SCOPE = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
_LOOP = asyncio.new_event_loop()

_BODIES = (
    b'{"content":"Hello","temperature":0.5,"max_tokens":7,"top_k":0}',
    b'{"title":"T","model_tag":"m","instructions":"i"}',
    b'{"instructions":null,"is_pinned":true}',
    b'{"content":"\\ud83d","temperature":null}',
    b'{"content":"a","content":"b"}',
    b'{"temperature":NaN,"max_tokens":1e3,"top_k":-1}',
    b'{"temperature":1e999,"max_tokens":99999999999999999999}',
    b"[" * 200,
    b'"content"',
    b"",
    b"\xef\xbb\xbf{}",
    '{"title":"\u2028é🎉"}'.encode("utf-16"),
)
SEEDS = tuple(make(body) for body in _BODIES for make in (cut, uncut))


def check(data: bytes) -> None:
    """Reads a body chunk by chunk, and decodes it as each type of body."""
    chunks = chunks_in(data)
    sent = b"".join(chunks)
    try:
        body = _LOOP.run_until_complete(_READER.read(Request(dict(_SCOPE), _receiver(chunks))))
    except BodyTooLargeError:
        assert len(sent) > _MOST_BYTES
        return
    assert body == sent
    assert len(body) <= _MOST_BYTES
    for body_type in _BODY_TYPES:
        _check_as(body_type, body)


def _receiver(chunks: list[bytes]) -> "_Receive":
    return _Receive(iter([*chunks, b""]), len(chunks))


class _Receive:
    """Is the function `receive` of an ASGI server."""

    def __init__(self, chunks: Iterator[bytes], count: int) -> None:
        self._chunks = chunks
        self._left = count

    async def __call__(self) -> Message:
        self._left -= 1
        return {"type": "http.request", "body": next(self._chunks), "more_body": self._left >= 0}


def _check_as(body_type: type[AttrsInstance], body: bytes) -> None:
    try:
        value = decode_body(body, body_type, InputLimits())
    except (RefusedError, InvalidInputError):
        return
    for name in ("content", "title", "model_tag", "instructions"):
        text = getattr(value, name, None)
        if text is None or text is UNSET:
            continue
        # An empty text counts as not given at the creation of a conversation, and clears its instructions later.
        min_length = 0 if body_type is NewConversationBody or name == "instructions" else 1
        assert min_length <= len(text) <= 8000
        assert "\0" not in text
        assert text.encode().decode() == text
    _check_sampling(value)


def _check_sampling(value: object) -> None:
    temperature = getattr(value, "temperature", None)
    assert temperature is None or (type(temperature) is float and math.isfinite(temperature) and 0 <= temperature <= 2)
    for name, low, high in (("max_tokens", 1, 4096), ("top_k", 0, 200)):
        number = getattr(value, name, None)
        assert number is None or (type(number) is int and low <= number <= high)
