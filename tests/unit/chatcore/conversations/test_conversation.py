"""Tests the rules of a conversation: its limits, and the path of messages that is shown."""

from datetime import datetime
from uuid import uuid4

import pytest
from attrs import evolve

from chatcore.conversations.conversation import active_path
from chatcore.conversations.message import ConversationId, Message, MessageId, Role
from chatcore.errors import InvalidInputError
from chatcore.testing.samples import ALICE, NOON, a_conversation

CONVERSATION_ID = ConversationId(uuid4())


def message(position: int, parent: Message | None) -> Message:
    return Message(
        id=MessageId(uuid4()),
        conversation_id=CONVERSATION_ID,
        user_id=ALICE,
        parent_id=None if parent is None else parent.id,
        position=position,
        role=Role.USER,
        content=str(position),
        created_at=NOON,
    )


QUESTION = message(1, None)
OLD, NEW = message(2, QUESTION), message(3, QUESTION)
LAST = message(4, NEW)
TREE = (QUESTION, OLD, NEW, LAST)


@pytest.mark.parametrize(
    ("head", "path"), [(LAST, [QUESTION, NEW, LAST]), (OLD, [QUESTION, OLD]), (QUESTION, [QUESTION])]
)
def test_the_active_path_leads_from_the_root_to_the_head(head: Message, path: list[Message]) -> None:
    assert active_path(TREE, head.id) == tuple(path)


def test_without_a_head_there_is_no_path() -> None:
    assert active_path(TREE, None) == ()


def test_an_instant_carries_a_time_zone() -> None:
    with pytest.raises(InvalidInputError):
        evolve(a_conversation(), updated_at=datetime(2026, 11, 22))  # noqa: DTZ001 - it is what is refused
