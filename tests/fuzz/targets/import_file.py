"""Checks that whatever is imported can be stored, in any chunks, or is refused or listed as a problem."""

import json
from collections.abc import Iterator
from contextlib import closing, suppress

from attrs import evolve

from chatcore import PartKind, Status
from chatcore.transfers.checked import checked
from chatcore.transfers.transferred import TransferredConversation
from chatcore_service.transfers.detecting_reader import DetectingReader
from chatcore_service.transfers.reading import Found, Problem, UnknownFormatError
from tests.fuzz.targets.chunks import chunks_in, cut, uncut

_HEADER = b'{"format":"chatcore","version":1}\n'
_ID = "0b0e4a0c-1d2a-4f2f-9a53-9f4f6f1d8c11"
_LINE = json.dumps(
    {
        "id": _ID,
        "created_at": "2026-11-22T12:00:00+00:00",
        "updated_at": "2026-11-22T12:00:00Z",
        "title": "T",
        "title_source": "user",
        "model_tag": "m",
        "is_pinned": True,
        "head_id": _ID,
        "messages": [
            {
                "id": _ID,
                "role": "assistant",
                "created_at": "2026-11-22T12:00:00+02:00",
                "status": "streaming",
                "model_tag": "m",
                "token_count": 7,
                "finish_reason": "stop",
                "cuts": [1],
                "usage": '{"a":1}',
                "parts": [
                    {"type": "reasoning", "text": "so"},
                    {"type": "data", "json": '{"a" : 1}'},
                    {"type": "text", "text": "Hi"},
                ],
            }
        ],
    }
).encode()
_CHAT = json.dumps(
    [
        {
            "id": "c",
            "title": None,
            "create_time": 1.5,
            "current_node": "a",
            "is_starred": True,
            "mapping": {
                "r": {"message": None, "parent": None},
                "q": {"parent": "a", "message": {"author": {"role": "user"}, "content": {"parts": ["Hi", {}]}}},
                "a": {
                    "parent": "q",
                    "message": {
                        "author": {"role": "assistant"},
                        "recipient": "python",
                        "create_time": -1e300,
                        "content": {"content_type": "code", "text": "1", "thoughts": [{"content": "x"}]},
                    },
                },
            },
        }
    ]
).encode()

_FILES = (
    _HEADER + _LINE,
    _HEADER + _LINE + b"\r\n\n" + _LINE.replace(b"1d8c11", b"1d8c12") + b"\n",
    _HEADER + b"{\n" + _LINE,
    _HEADER,
    _CHAT,
    _CHAT.replace(b"Hi", b"\\ud800\\u0000"),
    _CHAT[:-30],
    b"[" * 300,
    b"[" + b"9" * 5000 + b"]",
    b'[{"id":1e999}]',
    b"PK\x03\x04",
    b"\xef\xbb\xbf [] ",
)
SEEDS = tuple(make(file) for file in _FILES for make in (cut, uncut))


def check(data: bytes) -> None:
    """Reads a file chunk by chunk; what is found passes the checks of the core unchanged."""
    with suppress(UnknownFormatError):
        for result in _read(chunks_in(data)):
            if isinstance(result, Problem):
                assert result.line >= 1
                assert result.problem.endswith(".")
            else:
                _require_storable(result.conversation)


def _read(chunks: list[bytes]) -> Iterator[Found | Problem]:
    with closing(DetectingReader("alice", 500)) as reader:
        for chunk in chunks:
            yield from reader.feed(chunk)
        yield from reader.end()


def _require_storable(found: TransferredConversation) -> None:
    result = checked(found.conversation, found.messages, found.usages)
    assert list(result.messages) == list(found.messages)
    assert evolve(result, messages=()) == evolve(found, messages=())
    assert found.conversation.user_id == "alice"
    for message in found.messages:
        message.content.encode()
        assert message.status is not Status.STREAMING
        assert message.log.length >= len(message.content)
        assert all(
            json.loads(piece.body) for piece in message.pieces if piece.kind is PartKind.DATA and piece.body != "{}"
        )
