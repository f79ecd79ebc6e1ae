"""Begins a continuation: a reply that has ended goes on."""

from chatcore.ports.new_reply import AcceptedTurn, NewContinuation
from chatcore_postgres.driver.database import Database
from chatcore_postgres.replies.begin import begin_parameters, begin_statement
from chatcore_postgres.replies.begun import accepted
from chatcore_postgres.rows import change_number, parent_of

# A repeat of a continuation whose answer was lost is recognised by its request, which names the attempt.
#
# `locked` waits for the row of the conversation. Another continuation of the reply may have begun and ended meanwhile;
# `moved` then finds that the reply has another cut and writes nothing, and the outcome is `stale`.
#
# The text so far becomes a delta, so that all text of a running reply is in its deltas. The epoch begins far above
# those of all earlier leases: a process that was frozen when it owned the reply must not find its lease valid again.
#
# `below` looks at later positions only, since a message comes after the one that it follows.
BEGIN_CONTINUATION = begin_statement(
    decide=f"""
target as (
    select *, length(content) + coalesce((
            select sum(length(p.body))
            from pieces as p
            where p.user_id = %(user_id)s and p.message_id = %(reply_id)s
        ), 0)::bigint as log_length
    from messages
    where user_id = %(user_id)s and id = %(reply_id)s and conversation_id is not distinct from %(conversation_id)s
        and role = 'assistant'
),
outcome as (
    select
        case
            when not known.is_same then 'key_reused'
            when running.message_id = %(reply_id)s and running.request = %(request)s then 'repeated'
            when known.is_same then 'replayed'
            when seen.next_position is null or target.id is null then 'missing'
            when room.is_exceeded then 'full'
            when running.message_id is not null then 'busy'
            when not (target.status in ('interrupted', 'stopped')
                or target.status = 'complete' and target.finish_reason = 'length' is true) or exists (
                select from messages as below
                where below.user_id = %(user_id)s and below.conversation_id = %(conversation_id)s
                    and below.position > target.position and below.parent_id = target.id
            ) then 'not_continuable'
            when room.slot is null then 'full'
            else 'accepted'
        end as outcome,
        coalesce(known.user_message_id, target.parent_id) as user_message_id,
        coalesce(known.reply_id, %(reply_id)s) as reply_id,
        running.message_id as running_id,
        running.epoch,
        room.slot as free_slot,
        seen.head_id,
        null::uuid as question_parent_id,
        seen.next_position,
        seen.instructions,
        coalesce(known.begins_at, running.begins_at, 0) as begins_at,
        running.restores
    from room left join running on true left join seen on true left join known on true left join target on true
),
said as (
    with recursive ancestors as (
        select m.*, 0 as count
        from outcome as o join messages as m on m.user_id = %(user_id)s and m.id = o.reply_id
        where o.outcome in ('accepted', 'repeated', 'replayed')
        union all
        select m.*, ancestors.count + 1
        from ancestors {parent_of("ancestors")}
        where ancestors.count < %(history_limit)s::integer
    )
    select *
    from ancestors
),
locked as (
    update conversations as c
    set head_id = %(reply_id)s,
        updated_at = greatest(c.updated_at, %(now)s),
        is_archived = false,
        changed_xid = {change_number()}
    from outcome as o
    where o.outcome = 'accepted' and c.user_id = %(user_id)s and c.id = %(conversation_id)s
        and c.next_position = o.next_position and c.head_id is not distinct from o.head_id
    returning o.user_message_id, o.free_slot, o.head_id
),
moved as (
    update messages as m
    set status = 'streaming', error = null, token_count = null, inference_time_ms = null, finish_reason = null,
        usage = null, cuts = coalesce(m.cuts, '{{}}') || target.log_length
    from locked cross join target
    where m.user_id = %(user_id)s and m.id = %(reply_id)s and m.status = target.status
        and m.cuts is not distinct from target.cuts
    returning locked.user_message_id, locked.free_slot, locked.head_id as fallback_head_id,
        m.position as reply_position, m.model_tag as reply_model_tag, m.content,
        coalesce(target.token_count, 0) as token_count, target.log_length as begins_at,
        cardinality(m.cuts) + 1 as number, target.log_length > length(m.content) as has_pieces,
        json_build_object('status', target.status, 'error', target.error,
            'token_count', coalesce(target.token_count, 0),
            'inference_time_ms', coalesce(target.inference_time_ms, 0),
            'finish_reason', target.finish_reason, 'usage', target.usage)::text as restores
)""",  # noqa: S608 - the join is a literal
    stored="""
    insert into deltas (user_id, message_id, start_offset, text, token_count)
    select %(user_id)s, %(reply_id)s, 0, content, token_count
    from moved
    where content <> ''""",
    epoch="number * 1000",
    begins_at="begins_at",
    number="number",
    has_pieces="has_pieces",
    restores="restores",
    shown="coalesce(moved.number * 1000, o.epoch), coalesce(moved.begins_at, o.begins_at), "
    "coalesce(moved.restores, o.restores)",
)


async def begin_continuation(database: Database, continuation: NewContinuation) -> AcceptedTurn:
    """Lets a reply go on, as the port says."""
    parameters = begin_parameters(continuation)
    return accepted(continuation, await database.fetch_definite(BEGIN_CONTINUATION, parameters))
