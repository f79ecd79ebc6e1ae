"""Begins a turn: stores a user message and an empty reply."""

from typing import LiteralString
from uuid import UUID

from chatcore.conversations.changes import UNSET
from chatcore.ports.new_reply import AcceptedTurn, NewTurn
from chatcore_postgres.driver.database import Connection, Database, Parameters, fetch_definite_on
from chatcore_postgres.replies.begin import begin_parameters, begin_statement
from chatcore_postgres.replies.begun import accepted
from chatcore_postgres.rows import change_number, parent_of

# Stands for no message: the parameters have the same types whether there is one or not.
_NOTHING: LiteralString = "'00000000-0000-0000-0000-000000000000'"
_FOLLOWED: LiteralString = f"case when %(follows_head)s then seen.head_id else nullif(%(parent_id)s, {_NOTHING}) end"

# A repeat of a turn whose answer was lost is recognised by the id of its message. The repeat gets the same result as
# the first try, including the lease if this owner still holds the lease.
#
# The question follows the named message or the head, or the message to which that is a failed reply. `said` begins at
# the message that the question follows, or at the reply if that exists already. `count` includes the message to be
# answered and not the reply.
#
# A user can have more running replies than the limit for some time after the limit was lowered. A turn is `full` then,
# even if its conversation is busy: ending that reply would not make room, so it must not be stopped for the turn.
#
# :mod:`chatcore_postgres.replies.messages` says why a message is looked up with `is not distinct from`.
BEGIN_TURN = begin_statement(
    decide=f"""
outcome as (
    select
        case
            when not known.is_same then 'key_reused'
            when exists (
                select from messages
                where user_id = %(user_id)s and id = %(user_message_id)s
                    and conversation_id is not distinct from %(conversation_id)s
            ) then 'repeated'
            when known.is_same then 'replayed'
            when seen.next_position is null then 'absent'
            when not %(follows_head)s and %(parent_id)s <> {_NOTHING} and not exists (
                select from messages
                where user_id = %(user_id)s and id = %(parent_id)s
                    and conversation_id is not distinct from %(conversation_id)s
            ) then 'no_parent'
            when room.is_exceeded then 'full'
            when running.message_id is not null then 'busy'
            when room.slot is null then 'full'
            else 'accepted'
        end as outcome,
        coalesce(known.user_message_id, %(user_message_id)s) as user_message_id,
        coalesce(known.reply_id, %(reply_id)s) as reply_id,
        running.message_id as running_id,
        running.epoch,
        room.slot as free_slot,
        seen.head_id,
        coalesce((
            select parent_id
            from messages
            where user_id = %(user_id)s and id = {_FOLLOWED} and status = 'failed'
        ), {_FOLLOWED}) as question_parent_id,
        seen.next_position,
        seen.instructions
    from room left join running on true left join seen on true left join known on true
),
said as (
    with recursive ancestors as (
        select m.*, case o.outcome when 'accepted' then 2 else 0 end as count
        from outcome as o join messages as m on m.user_id = %(user_id)s
            and m.id = case o.outcome when 'accepted' then o.question_parent_id else o.reply_id end
        where o.outcome in ('repeated', 'replayed') or o.outcome = 'accepted' and %(history_limit)s::integer > 1
        union all
        select m.*, ancestors.count + 1
        from ancestors {parent_of("ancestors")}
        where ancestors.count < %(history_limit)s::integer
    )
    select *
    from ancestors
),
moved as (
    update conversations as c
    set head_id = %(reply_id)s,
        next_position = o.next_position + 2,
        updated_at = greatest(c.updated_at, %(now)s),
        is_archived = false,
        changed_xid = {change_number()},
        title = case when c.title_source = 'default' and %(title)s::text <> '' then %(title)s else c.title end,
        title_source = case when c.title_source = 'default' and %(title)s::text <> '' then 'auto'
            else c.title_source end
    from outcome as o
    where o.outcome = 'accepted' and c.user_id = %(user_id)s and c.id = %(conversation_id)s
        and c.next_position = o.next_position and c.head_id is not distinct from o.head_id
    returning o.question_parent_id, o.next_position as question_position,
        o.next_position + 1 as reply_position, c.model_tag as reply_model_tag, o.free_slot,
        %(user_message_id)s::uuid as user_message_id, %(reply_id)s::uuid as fallback_head_id
),
to_index as (
    insert into search_queue (user_id, conversation_id, message_id)
    select %(user_id)s, %(conversation_id)s, %(user_message_id)s
    from moved
)""",  # noqa: S608 - the join is a literal
    stored="""
    insert into messages (user_id, id, conversation_id, parent_id, position, role, content, status, model_tag,
        created_at)
    select %(user_id)s, %(user_message_id)s, %(conversation_id)s, question_parent_id, question_position, 'user',
        %(content)s, 'complete', reply_model_tag, %(now)s
    from moved
    union all
    select %(user_id)s, %(reply_id)s, %(conversation_id)s, %(user_message_id)s, reply_position, 'assistant', '',
        'streaming', reply_model_tag, %(now)s
    from moved""",
)


async def begin_turn(database: Database, turn: NewTurn) -> AcceptedTurn:
    """Stores a turn, as the port says."""

    async def unit(connection: Connection) -> AcceptedTurn:
        return await begin_turn_on(connection, turn)

    return await database.run(unit)


async def begin_turn_on(connection: Connection, turn: NewTurn) -> AcceptedTurn:
    """Does as :func:`begin_turn` on a given connection, also within a transaction."""
    return accepted(turn, await fetch_definite_on(connection, BEGIN_TURN, turn_parameters(turn)))


def turn_parameters(turn: NewTurn) -> Parameters:
    """Returns the parameters of :data:`BEGIN_TURN`, always of the same types."""
    return {
        **begin_parameters(turn),
        "user_message_id": turn.user_message_id,
        "content": turn.content,
        "follows_head": turn.parent_id is UNSET,
        "parent_id": turn.parent_id if isinstance(turn.parent_id, UUID) else UUID(int=0),
        "title": turn.title or "",
    }
