"""Reads sections of the text and of the log of one message from PostgreSQL."""

from collections.abc import Sequence

from chatcore.conversations.log import Stretch, stretches_between
from chatcore.conversations.message import ConversationId, MessageId
from chatcore.conversations.path import MAX_SECTION_CHARS
from chatcore.errors import MessageNotFoundError
from chatcore.user import UserId
from chatcore_postgres.driver.database_share import DatabaseShare
from chatcore_postgres.replies.pieces import pieces_between, text_offset
from chatcore_postgres.rows import may_have_pieces, stored_text, to_pieces

READ_TEXT = f"""
select substr({stored_text()}, %(offset)s::integer + 1, %(section_chars)s::integer)
from messages as m
where m.user_id = %(user_id)s and m.id = %(message_id)s and m.conversation_id is not distinct from %(conversation_id)s
"""  # noqa: S608 - the expression is a literal

# The place in the text is looked up only for a message that may have more than text.
READ_LOG = f"""
select place.text_offset,
    substr({stored_text()}, place.text_offset::integer + 1, %(max_chars)s::integer),
    case when {may_have_pieces()} then
        {pieces_between("%(user_id)s", "m.id", "%(position)s::bigint", "%(max_chars)s::integer")} end
from messages as m cross join lateral (
    select case when {may_have_pieces()} then {text_offset("%(user_id)s", "m.id", "%(position)s::bigint")}
        else %(position)s::bigint end as text_offset
    offset 0
) as place
where m.user_id = %(user_id)s and m.id = %(message_id)s and m.conversation_id is not distinct from %(conversation_id)s
"""  # noqa: S608 - the expressions are literals


async def read_text(
    database: DatabaseShare, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, offset: int
) -> str:
    """Returns a section of a message's text, as the port says."""
    names = {"user_id": user_id, "conversation_id": conversation_id, "message_id": message_id}
    rows = await database.fetch(READ_TEXT, {**names, "offset": offset, "section_chars": MAX_SECTION_CHARS})
    if not rows:
        raise MessageNotFoundError
    section: str = rows[0][0]
    return section


async def read_log(
    database: DatabaseShare,
    user_id: UserId,
    conversation_id: ConversationId,
    message_id: MessageId,
    position: int,
    max_chars: int,
) -> Sequence[Stretch]:
    """Returns stretches of a reply's log, as the port says."""
    names = {"user_id": user_id, "conversation_id": conversation_id, "message_id": message_id}
    rows = await database.fetch(READ_LOG, {**names, "position": position, "max_chars": max_chars})
    if not rows:
        raise MessageNotFoundError
    ((offset, text, pieces),) = rows
    return tuple(stretches_between(position, max_chars, text=text, text_offset=offset, pieces=to_pieces(pieces)))
