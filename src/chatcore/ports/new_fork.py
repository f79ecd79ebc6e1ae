"""Defines the request that copies a path to a new conversation."""

from datetime import datetime

from attrs import frozen

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.user import UserId


@frozen(kw_only=True)
class NewFork:
    """Describes a conversation that begins with a copy of another one's path."""

    user_id: UserId
    #: The conversation whose path is copied.
    source_id: ConversationId
    #: The last message of the path; None for the head of the conversation.
    message_id: MessageId | None
    #: The id of the new conversation, chosen by the caller.
    conversation_id: ConversationId
    now: datetime
