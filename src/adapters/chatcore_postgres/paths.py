"""Reads the paths and trees of conversations from PostgreSQL, in slices of bounded size.

No statement reads the content of a message that is not part of its result: `octet_length` takes the length of a long
text from its header.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from struct import Struct
from typing import LiteralString
from uuid import UUID

from attrs import frozen

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.conversations.path import (
    MAX_PATH_PAGE_BYTES,
    MAX_SECTION_CHARS,
    MAX_SLICE_BYTES,
    MAX_SLICE_MESSAGES,
    MessageSlice,
    OpenPath,
    PathRequest,
    SliceKey,
    unknown_cursor,
)
from chatcore.errors import ConversationNotFoundError, MessageNotFoundError
from chatcore.user import UserId
from chatcore_postgres.driver.database import Row
from chatcore_postgres.driver.database_share import DatabaseShare
from chatcore_postgres.rows import (
    CONVERSATION_COLUMNS,
    MESSAGE_COLUMNS,
    active_reply_of,
    listed,
    message_columns,
    parent_of,
    siblings_of,
    stored_pieces,
    stored_text,
    to_conversations,
    to_messages,
)

# No message has this position.
_NO_POSITION: LiteralString = "9223372036854775807"

# The length of the text of a message `m`, and of everything else, without reading them.
_TEXT_BYTES: LiteralString = """case when m.status = 'streaming' then coalesce((
            select sum(octet_length(d.text))
            from deltas as d
            where d.user_id = %(user_id)s and d.message_id = m.id
        ), 0) else octet_length(m.content) end"""
_PIECES_BYTES: LiteralString = """case when m.status = 'streaming' then coalesce((
            select sum(octet_length(p.body))
            from pieces as p
            where p.user_id = %(user_id)s and p.message_id = m.id
        ), 0) else coalesce(m.pieces_bytes, 0) end"""

# Of a message that is longer than a slice, only the first section of its text is returned. `offset 0` keeps the planner
# from reading the text twice.
_MESSAGE: LiteralString = message_columns(
    content="case when stored.is_whole then stored.text else left(stored.text, %(section_chars)s::integer) end",
    pieces="case when stored.is_whole then stored.other end",
    siblings=f"case when m.position < lone.lone_from then {siblings_of()} end",
)
# Whether the message is whole, and whether it has more than text.
_SHOWN: LiteralString = "stored.is_whole, stored.other is not null"
_STORED: LiteralString = f"""cross join lateral (
        select text, other, octet_length(text) + other_bytes <= %(slice_bytes)s::bigint as is_whole
        from (
            select {stored_text()} as text, {stored_pieces()} as other, {_PIECES_BYTES} as other_bytes
            offset 0
        ) as read
    ) as stored"""  # noqa: S608 - the expressions are literals

# The first row is the conversation, at a position that no message has, with the keys of all slices: for each slice,
# oldest first, the id of its newest message and how many messages of the path are newer. The other rows are the oldest
# slice. This is one statement, so that a conversation of one slice takes one round trip.
#
# `lone` is the position from which on no message has siblings, so that nothing is looked up in a conversation without
# branches. A path that has every position from the newest message of the conversation down to some message leaves no
# position for a sibling of a later message. That message itself may have an older sibling, unless it is the first one.
#
# `path` goes from the newest message up and reads no content. It divides the path into slices on its way. Because of
# `offset 0`, each step looks up one row; a join might read all messages of the user in each step.
OPEN_PATH = f"""
with opened as (
    select {listed(CONVERSATION_COLUMNS)}, next_position, {active_reply_of("conversations")}
    from conversations
    where user_id = %(user_id)s and id = %(conversation_id)s
),
path as (
    with recursive up as (
        select m.id, m.parent_id, m.position, 1 as number, size.bytes as total_bytes, 1 as slice, 1 as slice_messages,
            size.bytes as slice_bytes
        from opened join messages as m on m.user_id = %(user_id)s
            and m.id = case when %(before_id)s::uuid is null then opened.head_id else (
                select c.parent_id
                from messages as c
                where c.user_id = %(user_id)s and c.id = %(before_id)s
                    and c.conversation_id is not distinct from %(conversation_id)s
            ) end
            cross join lateral (select ({_TEXT_BYTES} + {_PIECES_BYTES})::bigint as bytes offset 0) as size
        union all
        select m.id, m.parent_id, m.position, up.number + 1, up.total_bytes + size.bytes,
            up.slice + size.is_over::integer,
            case when size.is_over then 1 else up.slice_messages + 1 end,
            case when size.is_over then size.bytes else up.slice_bytes + size.bytes end
        from up cross join lateral (
                select id, parent_id, position, octet_length(content) + coalesce(pieces_bytes, 0) as bytes
                from messages
                where user_id = %(user_id)s and id = up.parent_id
                offset 0
            ) as m
            cross join lateral (
                select m.bytes, up.slice_messages >= %(slice_messages)s::integer
                    or up.slice_bytes + m.bytes > %(slice_bytes)s::bigint as is_over
            ) as size
        where up.number < %(limit)s::integer and up.total_bytes + size.bytes <= %(page_bytes)s::bigint
    )
    select *
    from up
),
slices as (
    select max(slice) as oldest,
        string_agg(uuid_send(id) || int4send(number - 1), ''::bytea order by number desc)
            filter (where slice_messages = 1) as keys,
        min(position) filter (where position = (select next_position from opened) - number) as unbroken_from
    from path
),
lone as (
    select case unbroken_from when 1 then 1 else coalesce(unbroken_from + 1, {_NO_POSITION}) end as lone_from
    from slices
)
select {listed("0::bigint as position" if name == "position" else f"null as {name}" for name in MESSAGE_COLUMNS)},
    null as is_whole, null as has_pieces, slices.keys, lone_from,
    {listed(f"opened.{name}" for name in CONVERSATION_COLUMNS)},
    opened.active_reply_id
from opened cross join slices cross join lone
union all
select {_MESSAGE}, {_SHOWN}, null, null, {listed("null" for _ in CONVERSATION_COLUMNS)}, null
from slices cross join lone join path on path.slice = slices.oldest
    join messages as m on m.user_id = %(user_id)s and m.id = path.id
    {_STORED}
order by position
"""  # noqa: S608 - the columns and expressions are literals

# `path` contains the rows of the messages, because the planner might read all messages of the user to join them. A long
# content in it is a reference to the content. Each step looks up one row, as in OPEN_PATH.
READ_SLICE = f"""
with path as (
    with recursive up as (
        select m.*, 1 as number
        from messages as m
        where m.user_id = %(user_id)s and m.id = %(newest_id)s
            and m.conversation_id is not distinct from %(conversation_id)s
        union all
        select m.*, up.number + 1
        from up {parent_of("up")}
        where up.number < %(count)s::integer
    )
    select *
    from up
)
select {_MESSAGE}, {_SHOWN}
from path as m cross join (select %(lone_from)s::bigint as lone_from) as lone {_STORED}
order by m.position
"""  # noqa: S608 - the columns and expressions are literals

# A conversation without further messages is one row without a message.
READ_TREE = f"""
with next as (
    select m.*, sum(m.bytes) over (order by m.position) as total_bytes,
        row_number() over (order by m.position) as number
    from (
        select m.*, {_TEXT_BYTES} + {_PIECES_BYTES} as bytes
        from messages as m
        where m.user_id = %(user_id)s and m.conversation_id = %(conversation_id)s and m.position > %(after)s::bigint
        order by m.position
        limit %(slice_messages)s::integer
    ) as m
)
select m.*
from conversations as c left join (
    select {_MESSAGE}, {_SHOWN}
    from next as m cross join (select {_NO_POSITION} as lone_from) as lone {_STORED}
    where m.number = 1 or m.total_bytes <= %(slice_bytes)s::bigint
) as m on true
where c.user_id = %(user_id)s and c.id = %(conversation_id)s
order by m.position
"""  # noqa: S608 - the expressions are literals

_SLICE = {"slice_messages": MAX_SLICE_MESSAGES, "slice_bytes": MAX_SLICE_BYTES, "section_chars": MAX_SECTION_CHARS}
_NO_LIMIT, _NO_BYTE_LIMIT = 2**31 - 1, 2**62

_IS_WHOLE = len(MESSAGE_COLUMNS)
_HAS_PIECES, _KEYS, _LONE_FROM, _CONVERSATION = range(_IS_WHOLE + 1, _IS_WHOLE + 5)

# The id of a slice's newest message, and the number of messages of the path that are newer.
_KEY = Struct(">16si")


@frozen
class _SliceKeys(Iterable[SliceKey]):
    """Unpacks the keys of the slices after the oldest one, of which there may be one for each message."""

    _packed: bytes
    _lone_from: int

    def __iter__(self) -> Iterator[SliceKey]:
        for older, (newest_id, newer) in pairwise(_KEY.iter_unpack(self._packed)):
            yield SliceKey(MessageId(UUID(bytes=newest_id)), older[1] - newer, self._lone_from)


async def open_path(
    database: DatabaseShare, user_id: UserId, conversation_id: ConversationId, request: PathRequest
) -> OpenPath:
    """Returns a conversation with the oldest slice of its path, as the port says."""
    parameters = {
        "user_id": user_id,
        "conversation_id": conversation_id,
        "before_id": None if request.before is None else request.before.message_id,
        "limit": _NO_LIMIT if request.limit is None else request.limit,
        "page_bytes": _NO_BYTE_LIMIT if request.limit is None else MAX_PATH_PAGE_BYTES,
        **_SLICE,
    }
    rows = await database.fetch(OPEN_PATH, parameters)
    if not rows:
        raise ConversationNotFoundError
    opened, *messages = rows
    if request.before is not None and not messages:
        raise unknown_cursor()
    (conversation,) = to_conversations(user_id, [opened[_CONVERSATION:]])
    first = _slice(user_id, conversation_id, messages)
    return OpenPath(conversation=conversation, first=first, rest=_SliceKeys(opened[_KEYS] or b"", opened[_LONE_FROM]))


async def read_slice(
    database: DatabaseShare, user_id: UserId, conversation_id: ConversationId, key: SliceKey
) -> MessageSlice:
    """Returns a slice of a path, as the port says."""
    names = {"user_id": user_id, "conversation_id": conversation_id, "newest_id": key.newest_id, "count": key.count}
    rows = await database.fetch(READ_SLICE, {**names, "lone_from": key.lone_from, **_SLICE})
    if len(rows) < key.count:
        raise MessageNotFoundError
    return _slice(user_id, conversation_id, rows)


async def read_tree(
    database: DatabaseShare, user_id: UserId, conversation_id: ConversationId, after: int
) -> MessageSlice:
    """Returns the messages after a position, as the port says."""
    names = {"user_id": user_id, "conversation_id": conversation_id, "after": after}
    rows = await database.fetch(READ_TREE, {**names, **_SLICE})
    if not rows:
        raise MessageNotFoundError
    return _slice(user_id, conversation_id, [row for row in rows if row[0] is not None])


def _slice(user_id: UserId, conversation_id: ConversationId, rows: Sequence[Row]) -> MessageSlice:
    messages = to_messages(user_id, conversation_id, rows)
    if not rows:
        return MessageSlice(messages)
    return MessageSlice(messages, is_whole=rows[-1][_IS_WHOLE], has_pieces=rows[-1][_HAS_PIECES])
