"""Reads ids.

In a path, a malformed id gets the same response as an unknown id, so a caller cannot distinguish them.
"""

import re
from uuid import UUID

from chatcore import ConversationId, MessageId
from chatcore.errors import ConversationNotFoundError, MessageNotFoundError

#: The pattern of ids, with or without hyphens. Python's own parser also accepts braces, prefixes and misplaced hyphens.
UUID_PATTERN = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32})$"

_UUID = re.compile(UUID_PATTERN)


def conversation_id(parameters: dict[str, str]) -> ConversationId:
    """Returns the id of the conversation that a path names.

    Raises:
        ConversationNotFoundError: the path does not hold an id.
    """
    uuid = to_uuid(parameters["conversation_id"])
    if uuid is None:
        raise ConversationNotFoundError
    return ConversationId(uuid)


def reply_ids(parameters: dict[str, str]) -> tuple[ConversationId, MessageId]:
    """Returns the ids of the conversation and the message, usually a reply, that a path names.

    Raises:
        MessageNotFoundError: the path does not hold two ids.
    """
    conversation, message = to_uuid(parameters["conversation_id"]), to_uuid(parameters["message_id"])
    if conversation is None or message is None:
        raise MessageNotFoundError
    return ConversationId(conversation), MessageId(message)


def to_uuid(text: str) -> UUID | None:
    """Returns the id that a text expresses, with or without hyphens, or None if the text is no id."""
    return UUID(text) if _UUID.fullmatch(text) else None
