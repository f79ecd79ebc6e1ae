"""Converts rows to entities, and names the columns that every statement selects for them.

Every conversation and message that is read passes through here, a hundred at a time. A comprehension over all rows that
passes arguments by position takes a third of the time of a function that is called for each row with arguments by name.
Whether instants are in UTC is the same for all rows, so only the first row is checked.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC
from operator import itemgetter
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from chatcore.conversations.conversation import Conversation, TitleSource
from chatcore.conversations.log import Piece
from chatcore.conversations.message import DEFAULT_MODEL_TAG as _DEFAULT_MODEL_TAG
from chatcore.conversations.message import ConversationId, FinishReason, Message, Role, Status
from chatcore.conversations.parts import PartKind
from chatcore.reply_error import ReplyError
from chatcore.user import UserId
from chatcore_postgres.driver.database import Row

#: The columns of `conversations` that :func:`to_conversations` takes, in its order. The running reply follows them.
CONVERSATION_COLUMNS: Sequence[LiteralString] = (
    "id",
    "title",
    "title_source",
    "model_tag",
    "head_id",
    "created_at",
    "updated_at",
    "is_pinned",
    "is_archived",
    "instructions",
)

#: The columns of `messages` that :func:`to_messages` takes, in its order.
MESSAGE_COLUMNS: Sequence[LiteralString] = (
    "id",
    "parent_id",
    "position",
    "role",
    "content",
    "status",
    "error",
    "token_count",
    "model_tag",
    "inference_time_ms",
    "created_at",
    "finish_reason",
    "cuts",
    "pieces",
    "siblings",
)

#: The columns that the table `messages` has besides its user and its conversation.
STORED_MESSAGE_COLUMNS: Sequence[LiteralString] = (
    *(name for name in MESSAGE_COLUMNS if name not in {"pieces", "siblings"}),
    "usage",
    "pieces_bytes",
)

# A dictionary takes half the time of a call of the enumeration.
_ROLES = {role.value: role for role in Role}
_STATUSES = {status.value: status for status in Status}
_STREAMING = Status.STREAMING.value
_ERRORS: dict[str | None, ReplyError | None] = {None: None, **{error.value: error for error in ReplyError}}
_FINISH_REASONS: dict[str | None, FinishReason | None] = {None: None, **{each.value: each for each in FinishReason}}
_KINDS = {kind.value: kind for kind in PartKind}
_TITLE_SOURCES = {source.value: source for source in TitleSource}

# Most servers use one of these zones. Converting an instant that is in UTC already costs as much as the rest of its
# row.
_UTC_ZONES = frozenset({UTC, ZoneInfo("UTC"), ZoneInfo("Etc/UTC")})

# The messages with the same parent as a message `m`. The index has the conversation in place of a parent that is null.
_SIBLINGS: LiteralString = """select id, position
                from messages
                where user_id = %(user_id)s
                    and coalesce(parent_id, conversation_id) = coalesce(m.parent_id, m.conversation_id)
                    and parent_id is not distinct from m.parent_id
                    and conversation_id is not distinct from m.conversation_id"""
# MAX_VERSIONS_EACH_WAY, as SQL.
_EACH_WAY: LiteralString = "25"

_INSTANTS_OF_CONVERSATION = (CONVERSATION_COLUMNS.index("created_at"), CONVERSATION_COLUMNS.index("updated_at"))
_INSTANT_OF_MESSAGE = MESSAGE_COLUMNS.index("created_at")
_MESSAGE = itemgetter(slice(len(MESSAGE_COLUMNS)))


def change_number() -> LiteralString:
    """Returns the expression for `changed_xid`, which every statement sets that changes a conversation in any field.

    The function is stable, so it may be used in an UPDATE. There is no cast from a transaction id to a number.
    """
    return "pg_current_xact_id()::text::bigint"


def active_reply_of(table: LiteralString, user_id: LiteralString = "%(user_id)s") -> LiteralString:
    """Returns the expression for the running reply of a conversation in `table`, of the user in the expression.

    This is a subquery, which looks up one row by the primary key whatever the planner believes of the number of rows.
    """
    return f"""(
    select g.message_id
    from generations as g
    where g.user_id = {user_id} and g.conversation_id = {table}.id
) as active_reply_id"""  # noqa: S608 - the table and the expression are literals


def parent_of(table: LiteralString) -> LiteralString:
    """Returns the join of the messages in `table` with their parents, as `m`; each step looks up one row."""
    return f"""cross join lateral (
            select *
            from messages
            where user_id = %(user_id)s and id = {table}.parent_id
            offset 0
        ) as m"""  # noqa: S608 - the table is a literal


def siblings_of() -> LiteralString:
    """Returns the expression for the siblings of a message `m`, which looks up the nearest ones.

    The first messages of a conversation are found by the conversation, all others by their parent.
    """
    return f"""(
            select array_agg(s.id order by s.position)
            from (
                select m.id, m.position
                union all
                ({_SIBLINGS} and position < m.position
                order by position desc
                limit {_EACH_WAY})
                union all
                ({_SIBLINGS} and position > m.position
                order by position
                limit {_EACH_WAY})
            ) as s
        )"""  # noqa: S608 - the parts are literals


def stored_text() -> LiteralString:
    """Returns the expression for the text of a message `m`; that of a running reply is what is stored so far."""
    return """case when m.status = 'streaming' then coalesce((
            select string_agg(d.text, '' order by d.start_offset)
            from deltas as d
            where d.user_id = %(user_id)s and d.message_id = m.id
        ), '') else m.content end"""


def may_have_pieces() -> LiteralString:
    """Returns the condition that a message `m` may have more than text.

    The previous version of the service leaves `pieces_bytes` null when it ends a reply that this version began.
    """
    return "(m.pieces_bytes is not null or m.status <> 'complete')"


def stored_pieces(condition: LiteralString = "true") -> LiteralString:
    """Returns the expression for what a message `m` has besides its text, where a condition holds; null for nothing."""
    return f"""case when {may_have_pieces()} and {condition} then (
            select {pieces_as_json()}
            from pieces as p
            where p.user_id = %(user_id)s and p.message_id = m.id
        ) end"""  # noqa: S608 - the parts are literals


def pieces_as_json() -> LiteralString:
    """Returns the aggregate of pieces `p` that :func:`to_pieces` takes."""
    return "json_agg(json_build_array(p.position, p.text_offset, p.kind, p.body) order by p.position)"


def message_columns(
    *, content: LiteralString, pieces: LiteralString, siblings: LiteralString = "null::uuid[]"
) -> LiteralString:
    """Returns :data:`MESSAGE_COLUMNS` of a message `m` as a list in SQL, some of them from these expressions."""
    special: dict[LiteralString, LiteralString] = {"content": content, "pieces": pieces, "siblings": siblings}
    return listed(f"{special[name]} as {name}" if name in special else f"m.{name}" for name in MESSAGE_COLUMNS)


def whole_message(has_pieces: LiteralString = "true") -> LiteralString:
    """Returns :data:`MESSAGE_COLUMNS` of a message `m` as a list in SQL, with what is stored of it so far.

    Args:
        has_pieces: the condition for reading what is not text; history is text alone.
    """
    return message_columns(content=stored_text(), pieces=stored_pieces(has_pieces))


def listed(columns: Iterable[LiteralString]) -> LiteralString:
    """Returns the columns as a list in SQL."""
    return ", ".join(columns)


def to_conversations(user_id: UserId, rows: Sequence[Row]) -> list[Conversation]:
    """Returns a conversation for each row of :data:`CONVERSATION_COLUMNS` and the running reply."""
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
            is_pinned,
            is_archived,
            instructions,
            active_reply_id,
        )
        for (
            id_,
            title,
            title_source,
            model_tag,
            head_id,
            created_at,
            updated_at,
            is_pinned,
            is_archived,
            instructions,
            active_reply_id,
        ) in _in_utc(rows, *_INSTANTS_OF_CONVERSATION)
    ]


def to_pieces(pieces: Sequence[Sequence[Any]] | None) -> tuple[Piece, ...]:
    """Returns the pieces that :func:`pieces_as_json` has aggregated."""
    return tuple(Piece(position, offset, _KINDS[kind], body) for position, offset, kind, body in pieces or ())


def to_messages(user_id: UserId, conversation_id: ConversationId, rows: Sequence[Row]) -> list[Message]:
    """Returns a message for each row of :data:`MESSAGE_COLUMNS`; further columns are ignored."""
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
            # A later version may know further reasons.
            _ERRORS.get(error, ReplyError.INFERENCE_ERROR),
            # An earlier version left these columns null where the value is not known, and in messages of users.
            count if count is not None or status == _STREAMING else 0,
            model_tag or _DEFAULT_MODEL_TAG,
            time_ms if time_ms is not None or status == _STREAMING else 0,
            _FINISH_REASONS[finish_reason],
            tuple(cuts) if cuts else (),
            to_pieces(pieces) if pieces else (),
            tuple(siblings) if siblings else (),
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
            finish_reason,
            cuts,
            pieces,
            siblings,
        ) in map(_MESSAGE, _in_utc(rows, _INSTANT_OF_MESSAGE))
    ]


def _in_utc(rows: Sequence[Row], *instants: int) -> Sequence[Row]:
    """Returns the rows with the instants in those columns in UTC."""
    # All instants of a result have the time zone of the session.
    if not rows or rows[0][instants[0]].tzinfo in _UTC_ZONES:
        return rows
    return [
        tuple(value.astimezone(UTC) if column in instants else value for column, value in enumerate(row))
        for row in rows
    ]
