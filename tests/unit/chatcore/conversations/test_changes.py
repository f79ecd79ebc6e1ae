"""Changes of a conversation: what they set, what they leave, and what they refuse."""

from attrs import fields

from chatcore.conversations.changes import SETTABLE_FIELDS, ConversationChanges
from chatcore.conversations.conversation import Conversation, TitleSource
from chatcore.testing.samples import CHANGED_VALUES, a_conversation


def test_every_settable_field_is_a_field_of_a_conversation() -> None:
    assert {attribute.name for attribute in fields(Conversation)} >= SETTABLE_FIELDS


def test_every_settable_field_has_a_sample_for_the_contract_tests() -> None:
    assert CHANGED_VALUES.keys() == SETTABLE_FIELDS


def test_no_changes_leave_a_conversation_as_it_is() -> None:
    conversation = a_conversation()

    assert ConversationChanges().apply_to(conversation) == conversation


def test_a_title_that_is_set_is_the_users_own() -> None:
    changed = ConversationChanges(title="Mine").apply_to(a_conversation())

    assert (changed.title, changed.title_source) == ("Mine", TitleSource.USER)


def test_a_change_leaves_updated_at_alone() -> None:
    conversation = a_conversation()

    assert ConversationChanges(title="Mine").apply_to(conversation).updated_at == conversation.updated_at
