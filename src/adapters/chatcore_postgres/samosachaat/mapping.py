"""Maps a row of the source to what is stored, or says why the row cannot be imported."""

from collections.abc import Collection
from datetime import datetime

from attrs import frozen

from chatcore.conversations import conversation as conversations
from chatcore.conversations.conversation import TitleSource
from chatcore.conversations.message import DEFAULT_MODEL_TAG as _DEFAULT_MODEL_TAG
from chatcore.conversations.message import ConversationId, MessageId, Role
from chatcore.text import MAX_USER_ID_CHARS, has_visible_text
from chatcore.user import UserId
from chatcore_postgres.samosachaat.report import Skip
from chatcore_postgres.samosachaat.source import SourceRow

# The keys are in lower case. A service that stores an enumeration by its names has roles in upper case.
_ROLES = {role.value: role for role in Role}


@frozen
class ImportedConversation:
    """Holds a conversation of the source; its times may be missing."""

    id: ConversationId
    user_id: UserId
    title: str
    title_source: TitleSource
    model_tag: str
    is_pinned: bool
    is_title_cut: bool
    created_at: datetime | None
    updated_at: datetime | None


@frozen
class ImportedMessage:
    """Holds a message of the source; its time may be missing."""

    id: MessageId
    role: Role
    content: str
    content_bytes: int
    model_tag: str
    token_count: int
    inference_time_ms: int
    created_at: datetime | None


def to_conversation(
    row: SourceRow, placeholder_titles: Collection[str], max_title_chars: int
) -> ImportedConversation | Skip:
    """Returns the conversation, with a title of at most `max_title_chars` characters, or why it is skipped."""
    if row.id is None:
        return Skip.NO_ID
    if not row.user_id:
        return Skip.NO_USER
    if len(row.user_id) > MAX_USER_ID_CHARS:
        return Skip.LONG_USER_ID
    title = row.title if row.title and has_visible_text(row.title) else ""
    has_title = bool(title) and title not in placeholder_titles
    return ImportedConversation(
        id=ConversationId(row.id),
        user_id=row.user_id,
        title=title[:max_title_chars] or conversations.DEFAULT_TITLE,
        title_source=TitleSource.AUTO if has_title else TitleSource.DEFAULT,
        model_tag=row.model_tag or _DEFAULT_MODEL_TAG,
        is_pinned=row.is_pinned,
        is_title_cut=len(title) > max_title_chars,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def to_message(row: SourceRow, conversation: ImportedConversation) -> ImportedMessage | Skip:
    """Returns the message, or why it is skipped."""
    if row.id is None:
        return Skip.NO_ID
    role = _ROLES.get((row.role or "").lower())
    if role is None:
        return Skip.UNKNOWN_ROLE
    if not row.content_bytes:
        return Skip.NO_CONTENT
    if row.content is None:
        return Skip.HUGE_CONTENT
    return ImportedMessage(
        id=MessageId(row.id),
        role=role,
        content=row.content,
        content_bytes=row.content_bytes,
        model_tag=row.model_tag or conversation.model_tag,
        token_count=row.token_count or 0,
        inference_time_ms=row.inference_time_ms or 0,
        created_at=row.created_at,
    )
