"""The columns that statements are composed of, and the entities that rows become."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from attrs import fields

from chatcore.conversations.changes import SETTABLE_FIELDS
from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import ConversationId, Message
from chatcore_postgres.conversations import SETTABLE_COLUMNS
from chatcore_postgres.rows import CONVERSATION_COLUMNS, MESSAGE_COLUMNS, to_messages


def test_every_field_of_a_conversation_has_a_column() -> None:
    # The running reply is in another table.
    assert {*CONVERSATION_COLUMNS, "user_id", "active_reply_id"} == {
        attribute.name for attribute in fields(Conversation)
    }


def test_every_field_of_a_message_has_a_column() -> None:
    assert {*MESSAGE_COLUMNS, "user_id", "conversation_id"} == {attribute.name for attribute in fields(Message)}


def test_every_field_that_a_user_can_change_has_a_column() -> None:
    assert SETTABLE_COLUMNS.keys() == SETTABLE_FIELDS


@pytest.mark.parametrize(
    ("role", "status", "figure"),
    [("user", "complete", 0), ("assistant", "interrupted", 0), ("assistant", "streaming", None)],
)
def test_columns_that_an_earlier_version_left_null_have_a_value(role: str, status: str, figure: int | None) -> None:
    row = dict.fromkeys(MESSAGE_COLUMNS) | {"role": role, "status": status, "created_at": datetime.now(UTC)}

    (message,) = to_messages("alice", ConversationId(uuid4()), [tuple(row.values())])

    assert (message.token_count, message.inference_time_ms, message.model_tag) == (figure, figure, "default")
