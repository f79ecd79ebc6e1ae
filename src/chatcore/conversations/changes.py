"""Defines the changes that a user makes to a conversation."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Final

from attrs import evolve, fields, frozen

from chatcore.conversations.conversation import Conversation, TitleSource
from chatcore.conversations.message import MessageId


class Unset(Enum):
    """The type of :data:`UNSET`."""

    UNSET = auto()


#: Stands for a field that a change leaves as it is. None cannot serve, because None is a value of some fields.
UNSET: Final = Unset.UNSET


@frozen(kw_only=True)
class ConversationChanges:
    """Says which fields of a conversation get which value; every field that is UNSET stays as it is.

    Each field has the name of a field of :class:`Conversation`. `updated_at` stays as it is, so that a conversation
    keeps its place in the list.
    """

    title: str | Unset = UNSET
    is_pinned: bool | Unset = UNSET
    is_archived: bool | Unset = UNSET
    model_tag: str | Unset = UNSET
    #: None clears the instructions.
    instructions: str | Unset | None = UNSET

    def values(self) -> Mapping[str, object]:
        """Returns the new value of each field that changes, by the field's name."""
        values = {name: getattr(self, name) for name in SETTABLE_FIELDS}
        return {name: value for name, value in values.items() if value is not UNSET}

    def apply_to(self, conversation: Conversation) -> Conversation:
        """Returns the conversation with these changes. From then on, a changed title counts as the user's."""
        values: Mapping[str, Any] = self.values()
        return evolve(
            conversation,
            title_source=conversation.title_source if self.title is UNSET else TitleSource.USER,
            **values,
        )


@frozen
class HeadChoice:
    """Says which message of a conversation becomes its head."""

    message_id: MessageId
    #: Whether the newest descendant of the message becomes the head, if the message has descendants.
    follow: bool = False


#: The names of the fields that a user can change.
SETTABLE_FIELDS: Final = frozenset(attribute.name for attribute in fields(ConversationChanges))
