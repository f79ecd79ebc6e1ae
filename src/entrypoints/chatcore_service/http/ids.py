"""Ids in paths. One that is malformed is answered like one that is unknown: nothing may tell the two apart."""

import re
from uuid import UUID

from chatcore import ConversationId, MessageId
from chatcore.errors import ConversationNotFoundError, MessageNotFoundError

# Python's own parser also takes braces, prefixes, and hyphens anywhere or nowhere.
_CANONICAL = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def conversation_id(parameters: dict[str, str]) -> ConversationId:
    """The conversation that a path names.

    Raises:
        ConversationNotFoundError: that is no id.
    """
    uuid = _uuid(parameters["conversation_id"])
    if uuid is None:
        raise ConversationNotFoundError
    return ConversationId(uuid)


def reply_ids(parameters: dict[str, str]) -> tuple[ConversationId, MessageId]:
    """The reply that a path names, and its conversation.

    Raises:
        MessageNotFoundError: one of the two is no id.
    """
    conversation, message = _uuid(parameters["conversation_id"]), _uuid(parameters["message_id"])
    if conversation is None or message is None:
        raise MessageNotFoundError
    return ConversationId(conversation), MessageId(message)


def _uuid(text: str) -> UUID | None:
    return UUID(text) if _CANONICAL.fullmatch(text) else None
