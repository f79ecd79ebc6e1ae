"""Changes of a conversation: what they set, what they leave, and what they refuse."""

from datetime import datetime

import pytest
from attrs import fields

from chatcore.conversations.changes import SETTABLE_FIELDS, ConversationChanges
from chatcore.conversations.conversation import Conversation, TitleSource
from chatcore.errors import InvalidInputError
from chatcore.testing.samples import NOON, a_conversation, later


def test_every_settable_field_is_a_field_of_a_conversation() -> None:
    assert {attribute.name for attribute in fields(Conversation)} >= SETTABLE_FIELDS


def test_no_changes_leave_a_conversation_as_it_is() -> None:
    conversation = a_conversation()

    assert ConversationChanges().apply_to(conversation) == conversation


def test_a_title_that_is_set_is_the_users_own() -> None:
    changed = ConversationChanges(title="Mine").apply_to(a_conversation())

    assert (changed.title, changed.title_source) == ("Mine", TitleSource.USER)


def test_updated_at_moves_forward_and_never_back() -> None:
    conversation = a_conversation(at=NOON)

    assert ConversationChanges(updated_at=later(1)).apply_to(conversation).updated_at == later(1)
    assert ConversationChanges(updated_at=later(-1)).apply_to(conversation).updated_at == NOON


@pytest.mark.parametrize("title", ["", "x" * 501, "\x00"])
def test_a_title_that_breaks_its_limits_is_refused(title: str) -> None:
    with pytest.raises(InvalidInputError):
        ConversationChanges(title=title)


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        ConversationChanges(updated_at=datetime(2026, 11, 22))  # noqa: DTZ001 - it is what is refused
