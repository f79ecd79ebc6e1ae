"""Rows to entities. Columns are in the order in which the statements select them.

Every conversation and message that anybody looks at comes through here, a hundred at a time, so the code does no more
for each than it must.
"""

from datetime import UTC

from chatcore.conversation import Conversation, TitleSource
from chatcore.message import ConversationId, Message, ReplyError, Role, Status
from chatcore.user import UserId
from chatcore_postgres.database import Row

# Half the cost of calling the enumeration.
_ROLES = {role.value: role for role in Role}
_STATUSES = {status.value: status for status in Status}
_ERRORS: dict[str | None, ReplyError | None] = {None: None, **{error.value: error for error in ReplyError}}
_TITLE_SOURCES = {source.value: source for source in TitleSource}


def to_conversation(user_id: UserId, row: Row) -> Conversation:
    """From id, title, title_source, model_tag, head_id, created_at, updated_at."""
    id_, title, title_source, model_tag, head_id, created_at, updated_at = row
    return Conversation(
        id=id_,
        user_id=user_id,
        title=title,
        title_source=_TITLE_SOURCES[title_source],
        model_tag=model_tag,
        head_id=head_id,
        created_at=created_at.astimezone(UTC),
        updated_at=updated_at.astimezone(UTC),
    )


def to_message(user_id: UserId, conversation_id: ConversationId, row: Row) -> Message:
    """From id, parent_id, position, role, content, status, error, token_count, model_tag, inference_time_ms,
    created_at; what comes after them is not looked at.
    """  # noqa: D205 - the columns are the summary
    id_, parent_id, position, role, content, status, error, count, model_tag, time_ms, created_at, *_ = row
    return Message(
        id=id_,
        conversation_id=conversation_id,
        user_id=user_id,
        parent_id=parent_id,
        position=position,
        role=_ROLES[role],
        content=content,
        status=_STATUSES[status],
        error=_ERRORS[error],
        token_count=count,
        model_tag=model_tag,
        inference_time_ms=time_ms,
        created_at=created_at.astimezone(UTC),
    )


def to_opened(user_id: UserId, row: Row) -> Conversation:
    """From the first row of an opened conversation, which has the columns of a message and then its own: title,
    title_source, head_id, updated_at.
    """  # noqa: D205 - the columns are the summary
    id_, _, _, _, _, _, _, _, model_tag, _, created_at, title, title_source, head_id, updated_at = row
    return to_conversation(user_id, (id_, title, title_source, model_tag, head_id, created_at, updated_at))
