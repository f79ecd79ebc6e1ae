"""Rows to entities. Columns are in the order in which the statements select them."""

from datetime import UTC
from uuid import UUID

from chatcore.conversation import Conversation, TitleSource
from chatcore.message import ConversationId, Message, MessageId, ReplyError, Role, Status
from chatcore.user import UserId
from chatcore_postgres.database import Row

# Half the cost of calling the enumeration, for every message of every history.
_ROLES = {role.value: role for role in Role}
_STATUSES = {status.value: status for status in Status}


def to_conversation(user_id: UserId, row: Row) -> Conversation:
    """From id, title, title_source, model_tag, head_id, created_at, updated_at."""
    id_, title, title_source, model_tag, head_id, created_at, updated_at = row
    return Conversation(
        id=ConversationId(id_),
        user_id=user_id,
        title=title,
        title_source=TitleSource(title_source),
        model_tag=model_tag,
        head_id=_message_id(head_id),
        created_at=created_at.astimezone(UTC),
        updated_at=updated_at.astimezone(UTC),
    )


def to_message(user_id: UserId, conversation_id: ConversationId, row: Row) -> Message:
    """From id, parent_id, position, role, content, status, error, token_count, model_tag, inference_time_ms,
    created_at.
    """  # noqa: D205 - the columns are the summary
    id_, parent_id, position, role, content, status, error, token_count, model_tag, inference_time_ms, created_at = row
    return Message(
        id=MessageId(id_),
        conversation_id=conversation_id,
        user_id=user_id,
        parent_id=_message_id(parent_id),
        position=position,
        role=_ROLES[role],
        content=content,
        status=_STATUSES[status],
        error=None if error is None else ReplyError(error),
        token_count=token_count,
        model_tag=model_tag,
        inference_time_ms=inference_time_ms,
        created_at=created_at.astimezone(UTC),
    )


def to_opened_message(user_id: UserId, conversation_id: ConversationId, row: Row) -> Message:
    """From a later row of an opened conversation, whose first row sets the columns."""
    position, id_, _, _, model_tag, _, created_at, _, parent_id, role, content, status, error, count, time_ms = row
    return to_message(
        user_id,
        conversation_id,
        (id_, parent_id, position, role, content, status, error, count, model_tag, time_ms, created_at),
    )


def _message_id(id_: UUID | None) -> MessageId | None:
    return None if id_ is None else MessageId(id_)
