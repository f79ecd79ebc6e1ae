"""Tests that a line that is wrong is a problem of its own, and that the other lines are read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.entrypoints.chatcore_service.transfers.reading_by_hand import read

from chatcore_service.transfers.reading import UnknownFormatError

_HEADER = {"format": "chatcore", "version": 1}
_ID = "0b0e4a0c-1d2a-4f2f-9a53-9f4f6f1d8c1%d"


def a_line(number: int = 1, **changes: object) -> dict[str, Any]:
    message = {
        "id": _ID % 9,
        "role": "assistant",
        "created_at": "2026-11-22T12:01:00+00:00",
        "status": "complete",
        "token_count": 0,
        "model_tag": "default",
        "inference_time_ms": 0,
        "content": "Hi",
    }
    line: dict[str, Any] = {
        "id": _ID % number,
        "created_at": "2026-11-22T12:00:00+00:00",
        "updated_at": "2026-11-22T14:00:00+02:00",
        "title": "T",
        "title_source": "user",
        "model_tag": "default",
        "is_pinned": False,
        "messages": [message],
    }
    message |= {name.removeprefix("m_"): value for name, value in changes.items() if name.startswith("m_")}
    return line | {name: value for name, value in changes.items() if not name.startswith("m_")}


def a_file(*lines: object, header: object = _HEADER) -> bytes:
    return b"".join(
        (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in (header, *lines)
    )


@pytest.mark.parametrize("size", [1, 11, 16 * 1024])
def test_a_file_is_read_in_chunks_of_any_size_with_any_line_ends(size: int) -> None:
    file = a_file(a_line(1), a_line(2)).replace(b"\n", b"\r\n\n")

    conversations, problems = read(b"\xef\xbb\xbf\n " + file, size=size)

    assert [str(each.conversation.id)[-1] for each in conversations] == ["1", "2"]
    assert problems == []


@pytest.mark.parametrize(
    "wrong",
    [
        b"{",
        b"nonsense",
        b'{"a":1} {"b":2}',
        b'"\xff"',
        [],
        7,
        {},
        a_line(id="x"),
        a_line(title=None),
        a_line(title=7),
        a_line(title="\x00"),
        a_line(title_source="mine"),
        a_line(created_at="2026-11-22T12:00:00"),
        a_line(created_at="soon"),
        a_line(created_at="0001-01-01T00:00:00+14:00"),
        a_line(is_pinned=1),
        a_line(messages={}),
        a_line(messages=[7]),
        a_line(head_id=_ID % 8),
        a_line(m_parent_id=_ID % 8),
        a_line(m_parent_id=_ID % 9),
        a_line(m_role="tool"),
        a_line(m_status="done"),
        a_line(m_token_count="7"),
        a_line(m_token_count=True),
        a_line(m_token_count=1.5),
        a_line(m_content=None),
        a_line(m_parts=[{"type": "image"}]),
        a_line(m_parts=[{"type": "data", "json": '{"rewind":0}'}]),
        a_line(m_parts=[{"type": "data", "json": "7"}]),
        a_line(m_usage="["),
        a_line(m_cuts=["7"]),
        a_line(m_cuts=[99]),
        a_line(m_error="unknown"),
    ],
)
def test_a_wrong_line_is_one_problem_and_the_others_are_read(wrong: object) -> None:
    conversations, problems = read(a_file(a_line(1), wrong, a_line(2)))

    assert [str(each.conversation.id)[-1] for each in conversations] == ["1", "2"]
    assert [problem.line for problem in problems] == [3]
    assert problems[0].problem.endswith(".")


def test_a_line_that_is_cut_off_is_a_problem() -> None:
    conversations, problems = read(a_file(a_line(1), a_line(2))[:-9])

    assert len(conversations) == 1
    assert [(problem.line, "middle" in problem.problem) for problem in problems] == [(3, True)]


def test_the_last_line_needs_no_line_feed() -> None:
    assert len(read(a_file(a_line(1))[:-1])[0]) == 1


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b" \n\r\n",
        b"hello",
        b"PK\x03\x04",
        b"\x1f\x8b",
        b"\xef\xbb\xbf",
        b"{",
        b'{"format":"other","version":1}\n',
        b'{"format":"chatcore","version":2}\n',
        b'{"format":"chatcore"}\n',
        b'{"title":"not a header"}\n',
        b"7",
    ],
)
def test_another_format_is_told_from_ours(file: bytes) -> None:
    with pytest.raises(UnknownFormatError):
        read(file)


def test_the_user_of_the_import_owns_what_is_read() -> None:
    (conversation,), _ = read(a_file(a_line(user_id="bob")), user_id="carol")

    assert conversation.conversation.user_id == "carol"
    assert {message.user_id for message in conversation.messages} == {"carol"}
