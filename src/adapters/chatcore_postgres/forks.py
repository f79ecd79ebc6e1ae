"""Copies a path to a new conversation."""

from collections.abc import Sequence
from typing import LiteralString

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.path import unknown_message
from chatcore.errors import ConversationNotFoundError, GenerationInProgressError
from chatcore.ports.new_fork import NewFork
from chatcore_postgres.driver.database_share import DatabaseShare
from chatcore_postgres.rows import (
    CONVERSATION_COLUMNS,
    STORED_MESSAGE_COLUMNS,
    change_number,
    listed,
    parent_of,
    to_conversations,
)

# All that a message has besides its place in the tree.
_COPIED_COLUMNS: Sequence[LiteralString] = tuple(
    name for name in STORED_MESSAGE_COLUMNS if name not in {"id", "parent_id", "position"}
)


def _copy_of(column: LiteralString) -> LiteralString:
    """Returns the expression for the id of a message's copy.

    The id follows from that of the message and of the new conversation, so that no table has to say which copy is
    whose, and a path of any length needs no memory for it. It is a UUID of version 8, which is for values such as
    hashes.
    """
    digest: LiteralString = f"encode(substr(sha256(uuid_send(%(new_id)s::uuid) || uuid_send({column})), 1, 16), 'hex')"
    return f"overlay(overlay({digest} placing '8' from 13) placing '8' from 17)::uuid"


# All is one statement, so that the copy shows the conversation as it was at one moment. The contents do not leave the
# server. As in :mod:`chatcore_postgres.paths`, each step of the path looks up one row, and so does each copy.
FORK = f"""
with source as (
    select *
    from conversations
    where user_id = %(user_id)s and id = %(conversation_id)s
),
target as (
    select m.*
    from source join messages as m on m.user_id = %(user_id)s
        and m.id = coalesce(%(message_id)s::uuid, source.head_id)
        and m.conversation_id is not distinct from %(conversation_id)s
),
path as (
    with recursive up as (
        select id, parent_id, 1 as number
        from target
        union all
        select m.id, m.parent_id, up.number + 1
        from up {parent_of("up")}
    )
    select *
    from up
),
size as (
    select count(*) as messages
    from path
),
made as (
    insert into conversations (user_id, id, title, title_source, model_tag, instructions, head_id, next_position,
        created_at, updated_at, changed_xid)
    select %(user_id)s, %(new_id)s, source.title, source.title_source, source.model_tag, source.instructions,
        {_copy_of("target.id")}, size.messages + 1, %(now)s, %(now)s, {change_number()}
    from source cross join size left join target on true
    where case when target.id is null then %(message_id)s::uuid is null else target.status <> 'streaming' end
    on conflict (user_id, id) do nothing
    returning {listed(CONVERSATION_COLUMNS)}
),
copied as (
    insert into messages (user_id, id, conversation_id, parent_id, position, {listed(_COPIED_COLUMNS)})
    select %(user_id)s, {_copy_of("path.id")}, made.id, {_copy_of("path.parent_id")},
        size.messages - path.number + 1, {listed(f"m.{name}" for name in _COPIED_COLUMNS)}
    from made cross join size cross join path cross join lateral (
        select {listed(_COPIED_COLUMNS)}
        from messages
        where user_id = %(user_id)s and id = path.id
        offset 0
    ) as m
    returning id
),
to_index as (
    insert into search_queue (user_id, conversation_id, message_id)
    select %(user_id)s, id, null::uuid
    from made
    union all
    select %(user_id)s, %(new_id)s, id
    from copied
),
copied_pieces as (
    insert into pieces (user_id, message_id, position, text_offset, kind, body)
    select %(user_id)s, {_copy_of("path.id")}, p.position, p.text_offset, p.kind, p.body
    from made cross join path cross join lateral (
        select position, text_offset, kind, body
        from pieces
        where user_id = %(user_id)s and message_id = path.id
        offset 0
    ) as p
)
select case when made.id is not null then 'made'
        when target.id is null and %(message_id)s::uuid is not null then 'missing'
        when target.status = 'streaming' then 'busy'
        else 'taken'
    end as outcome,
    target.id, {listed(f"made.{name}" for name in CONVERSATION_COLUMNS)}, null::uuid as active_reply_id
from source left join target on true left join made on true
"""  # noqa: S608 - the columns and expressions are literals


async def fork(database: DatabaseShare, new: NewFork) -> Conversation | None:
    """Copies a path to a new conversation, as the port says."""
    parameters = {
        "user_id": new.user_id,
        "conversation_id": new.source_id,
        "message_id": new.message_id,
        "new_id": new.conversation_id,
        "now": new.now,
    }
    rows = await database.fetch(FORK, parameters)
    if not rows:
        raise ConversationNotFoundError
    ((outcome, target_id, *made),) = rows
    match outcome:
        case "missing":
            raise unknown_message("message_id")
        case "busy":
            raise GenerationInProgressError(new.source_id, target_id)
        case "made":
            return to_conversations(new.user_id, [tuple(made)])[0]
        case _:
            return None
