"""Begins a regeneration: stores an empty reply beside an earlier one."""

from uuid import UUID

from chatcore.ports.new_reply import AcceptedTurn, NewRegeneration
from chatcore_postgres.driver.database import Connection, Database, Parameters, fetch_definite_on
from chatcore_postgres.replies.begin import begin_parameters, begin_statement
from chatcore_postgres.replies.begun import accepted
from chatcore_postgres.rows import change_number, parent_of

# `repeated` is the reply that is stored already, under its own id or under the key.
#
# `path` counts from the message to be answered, which is the newest user message at or above the named message, or the
# head. The head is that message itself where a user chose it, or an earlier version of the service moved the head back
# from a failed reply. The head returns to where it was, unless nothing would be seen there but the same message.
BEGIN_REGENERATION = begin_statement(
    decide=f"""
repeated as (
    select m.*, 0
    from messages as m
    where m.user_id = %(user_id)s and m.id = coalesce((select reply_id from known), %(reply_id)s)
        and m.conversation_id is not distinct from %(conversation_id)s
),
target as (
    select id
    from messages
    where user_id = %(user_id)s and id = %(message_id)s and conversation_id is not distinct from %(conversation_id)s
),
place as (
    select case when repeated.id is not null then repeated.parent_id when %(at_head)s then seen.head_id
        else target.id end as id
    from seen left join repeated on true left join target on true
),
head as (
    select m.id, m.parent_id, m.content <> '' or m.pieces_bytes > 0 as shows
    from seen join messages as m on m.user_id = %(user_id)s and m.id = seen.head_id
),
path as (
    with recursive ancestors as (
        select m.*, case m.role when 'user' then 1 else 0 end as count
        from place join messages as m on m.user_id = %(user_id)s and m.id = place.id
        union all
        select m.*, case when ancestors.count > 0 or m.role = 'user' then ancestors.count + 1 else 0 end
        from ancestors {parent_of("ancestors")}
        where ancestors.count < %(history_limit)s::integer
    )
    select *
    from ancestors
),
said as (
    select *
    from path
    where count > 0
    union all
    select *
    from repeated
),
outcome as (
    select
        case
            when not known.is_same then 'key_reused'
            when repeated.id = %(reply_id)s then 'repeated'
            when known.is_same then 'replayed'
            when seen.next_position is null then 'absent'
            when not %(at_head)s and target.id is null then 'no_message'
            when answered.id is null then 'nothing'
            when room.is_exceeded then 'full'
            when running.message_id is not null then 'busy'
            when room.slot is null then 'full'
            else 'accepted'
        end as outcome,
        answered.id as user_message_id,
        coalesce(known.reply_id, %(reply_id)s) as reply_id,
        running.message_id as running_id,
        running.epoch,
        room.slot as free_slot,
        seen.head_id,
        null::uuid as question_parent_id,
        case when head.id = answered.id or head.parent_id = answered.id and head.shows is not true
            then %(reply_id)s::uuid else head.id end as fallback_head_id,
        seen.next_position,
        seen.instructions
    from room left join running on true left join seen on true left join known on true left join repeated on true
        left join target on true left join head on true
        left join path as answered on answered.count = 1 and answered.role = 'user'
),
moved as (
    update conversations as c
    set head_id = %(reply_id)s,
        next_position = o.next_position + 1,
        updated_at = greatest(c.updated_at, %(now)s),
        is_archived = false,
        changed_xid = {change_number()}
    from outcome as o
    where o.outcome = 'accepted' and c.user_id = %(user_id)s and c.id = %(conversation_id)s
        and c.next_position = o.next_position and c.head_id is not distinct from o.head_id
    returning o.user_message_id, o.next_position as reply_position, c.model_tag as reply_model_tag, o.free_slot,
        o.fallback_head_id
)""",  # noqa: S608 - the join is a literal
    stored="""
    insert into messages (user_id, id, conversation_id, parent_id, position, role, content, status, model_tag,
        created_at)
    select %(user_id)s, %(reply_id)s, %(conversation_id)s, user_message_id, reply_position, 'assistant', '',
        'streaming', reply_model_tag, %(now)s
    from moved""",
)


async def begin_regeneration(database: Database, regeneration: NewRegeneration) -> AcceptedTurn:
    """Stores a new reply to the newest user message, as the port says."""

    async def unit(connection: Connection) -> AcceptedTurn:
        return await begin_regeneration_on(connection, regeneration)

    return await database.run(unit)


async def begin_regeneration_on(connection: Connection, regeneration: NewRegeneration) -> AcceptedTurn:
    """Does as :func:`begin_regeneration` on a given connection, also within a transaction."""
    rows = await fetch_definite_on(connection, BEGIN_REGENERATION, regeneration_parameters(regeneration))
    return accepted(regeneration, rows)


def regeneration_parameters(regeneration: NewRegeneration) -> Parameters:
    """Returns the parameters of :data:`BEGIN_REGENERATION`, always of the same types."""
    return {
        **begin_parameters(regeneration),
        "at_head": regeneration.message_id is None,
        "message_id": regeneration.message_id or UUID(int=0),
    }
