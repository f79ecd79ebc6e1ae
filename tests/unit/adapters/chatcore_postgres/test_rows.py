"""The columns that statements are composed of."""

from attrs import fields

from chatcore.conversations.changes import SETTABLE_FIELDS
from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import Message
from chatcore_postgres.conversations import SETTABLE_COLUMNS
from chatcore_postgres.rows import CONVERSATION_COLUMNS, MESSAGE_COLUMNS


def test_every_field_of_a_conversation_has_a_column() -> None:
    # The running reply is in another table.
    assert {*CONVERSATION_COLUMNS, "user_id", "active_reply_id"} == {
        attribute.name for attribute in fields(Conversation)
    }


def test_every_field_of_a_message_has_a_column() -> None:
    assert {*MESSAGE_COLUMNS, "user_id", "conversation_id"} == {attribute.name for attribute in fields(Message)}


def test_every_field_that_a_user_can_change_has_a_column() -> None:
    assert SETTABLE_COLUMNS.keys() == SETTABLE_FIELDS
