"""Rows to entities. Columns are in the order in which the statements select them.

Every conversation and message that anybody looks at comes through here, a hundred at a time: comprehensions over all
rows, with arguments by position, take a third of what a function called for each row, with arguments by name, takes.
What is the same for all rows, whether their instants are in UTC, is looked at once.
"""

from collections.abc import Sequence
from datetime import UTC
from operator import itemgetter
from zoneinfo import ZoneInfo

from chatcore.conversations.conversation import Conversation, TitleSource
from chatcore.conversations.message import ConversationId, Message, Role, Status
from chatcore.reply_error import ReplyError
from chatcore.user import UserId
from chatcore_postgres.driver.database import Row

# Half the cost of calling the enumeration.
_ROLES = {role.value: role for role in Role}
_STATUSES = {status.value: status for status in Status}
_ERRORS: dict[str | None, ReplyError | None] = {None: None, **{error.value: error for error in ReplyError}}
_TITLE_SOURCES = {source.value: source for source in TitleSource}

# What servers are mostly set to; to make UTC of what is UTC costs as much as the rest of a row.
_UTC_ZONES = frozenset({UTC, ZoneInfo("UTC"), ZoneInfo("Etc/UTC")})

#: What :func:`to_messages` takes, in its order.
MESSAGE_COLUMNS = """id, parent_id, position, role, content, status, error, token_count, model_tag, inference_time_ms,
    created_at"""

_MESSAGE = itemgetter(slice(11))


def to_conversations(user_id: UserId, rows: Sequence[Row]) -> list[Conversation]:
    """Each from id, title, title_source, model_tag, head_id, created_at, updated_at."""
    return [
        Conversation(
            id_,
            user_id,
            created_at,
            updated_at,
            title,
            _TITLE_SOURCES[title_source],
            model_tag,
            head_id,
        )
        for id_, title, title_source, model_tag, head_id, created_at, updated_at in _in_utc(rows, 5, 6)
    ]


def to_messages(user_id: UserId, conversation_id: ConversationId, rows: Sequence[Row]) -> list[Message]:
    """Each from :data:`MESSAGE_COLUMNS`; what comes after them is not looked at."""
    return [
        Message(
            id_,
            conversation_id,
            user_id,
            parent_id,
            position,
            _ROLES[role],
            content,
            created_at,
            _STATUSES[status],
            _ERRORS[error],
            count,
            model_tag,
            time_ms,
        )
        for (
            id_,
            parent_id,
            position,
            role,
            content,
            status,
            error,
            count,
            model_tag,
            time_ms,
            created_at,
        ) in map(_MESSAGE, _in_utc(rows, 10))
    ]


def to_opened(user_id: UserId, row: Row) -> Conversation:
    """From the first row of an opened conversation, which has the columns of a message and then its own: title,
    title_source, head_id, updated_at.
    """  # noqa: D205 - the columns are the summary
    id_, _, _, _, _, _, _, _, model_tag, _, created_at, title, title_source, head_id, updated_at = row
    (opened,) = to_conversations(user_id, [(id_, title, title_source, model_tag, head_id, created_at, updated_at)])
    return opened


def _in_utc(rows: Sequence[Row], *instants: int) -> Sequence[Row]:
    """The rows with the instants in those columns in UTC."""
    # All instants of an answer are in its session's zone.
    if not rows or rows[0][instants[0]].tzinfo in _UTC_ZONES:
        return rows
    return [
        tuple(value.astimezone(UTC) if column in instants else value for column, value in enumerate(row))
        for row in rows
    ]
