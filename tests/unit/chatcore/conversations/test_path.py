"""Tests the cursors and requests of paths."""

from uuid import UUID, uuid4

import pytest

from chatcore.conversations.message import Message, MessageId, Role
from chatcore.conversations.path import MessageSlice, OpenPath, PathCursor, PathRequest
from chatcore.errors import InvalidInputError
from chatcore.testing.samples import NOON, a_conversation


def test_a_cursor_survives_being_handed_out() -> None:
    cursor = PathCursor(MessageId(uuid4()))

    assert PathCursor.decode(cursor.encode()) == cursor


@pytest.mark.parametrize(
    "garbage", ["", "1", "x" * 36, str(UUID(int=1)).replace("-", ""), f"{UUID(int=1)}\n", str(UUID(int=2**127)) + "0"]
)
def test_what_is_no_cursor_is_refused(garbage: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        PathCursor.decode(garbage)

    assert [problem.field for problem in refused.value.problems] == ["before"]


def test_a_page_has_limits() -> None:
    assert [PathRequest(limit=limit).limit for limit in (None, 1, 200)] == [None, 1, 200]
    for limit in (0, -1, 201):
        with pytest.raises(InvalidInputError):
            PathRequest(limit=limit)


def test_only_a_page_that_does_not_begin_at_the_root_has_a_previous_one() -> None:
    conversation = a_conversation()
    root = Message(MessageId(uuid4()), conversation.id, conversation.user_id, None, 1, Role.USER, "Hello", NOON)
    reply = Message(MessageId(uuid4()), conversation.id, conversation.user_id, root.id, 2, Role.ASSISTANT, "Hi", NOON)

    cursors = [
        OpenPath(conversation=conversation, first=MessageSlice(messages), rest=()).previous_cursor
        for messages in ([], [root, reply], [reply])
    ]

    assert cursors == [None, None, PathCursor(reply.id)]
