with seen as (
    select head_id, next_position, instructions
    from conversations
    where user_id = %(user_id)s and id = %(conversation_id)s
),
running as (
    select message_id, case when owner_id = %(owner_id)s then epoch end as epoch
    from (
        select *
        from generations
        where user_id = %(user_id)s and conversation_id >= %(conversation_id)s
        order by conversation_id
        limit 1
    ) as next
    where conversation_id = %(conversation_id)s
),
tried as materialized (
    select (
        select candidate
        from generate_series(0, 8 - 1) as try cross join lateral (
            select 1 + (%(choice)s::integer + try * greatest(%(max_generations)s::integer / 8, 1))
                %% %(max_generations)s::integer as candidate
            offset 0
        ) as candidates
        where (select g.slot from generations as g where g.user_id = %(user_id)s and g.slot = candidate) is null
        limit 1
    ) as slot
    where (
        select slot
        from generations
        where user_id = %(user_id)s
        order by slot desc
        limit 1
    ) > %(max_generations)s::integer is not true
),
counted as (
    select count(*) as running, coalesce(min(number) filter (where number <> slot), count(*) + 1) as free_slot
    from (
        select slot, row_number() over (order by slot) as number
        from generations
        where user_id = %(user_id)s and (select slot from tried) is null
    ) as taken
),
room as (
    select coalesce(
            (select slot from tried),
            case when running < %(max_generations)s::integer then free_slot end
        ) as slot,
        running > %(max_generations)s::integer as is_exceeded
    from counted
),
known as (
    select fingerprint = %(fingerprint)s::bytea as is_same, user_message_id, reply_id
    from idempotency_keys
    where user_id = %(user_id)s and key = %(key)s::text
),

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
            where user_id = %(user_id)s and id = seen.head_id and status = 'failed'
        ), seen.head_id) as question_parent_id,
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
        from ancestors cross join lateral (
            select *
            from messages
            where user_id = %(user_id)s and id = ancestors.parent_id
            offset 0
        ) as m
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
stored as (
    insert into messages (user_id, id, conversation_id, parent_id, position, role, content, status, model_tag,
        created_at)
    
    select %(user_id)s, %(user_message_id)s, %(conversation_id)s, question_parent_id, question_position, 'user',
        %(content)s, 'complete', reply_model_tag, %(now)s
    from moved
    union all
    select %(user_id)s, %(reply_id)s, %(conversation_id)s, %(user_message_id)s, reply_position, 'assistant', '',
        'streaming', reply_model_tag, %(now)s
    from moved
),
generation as (
    insert into generations (user_id, conversation_id, message_id, slot, owner_id, epoch, lease_until,
        fallback_head_id, started_at)
    select %(user_id)s, %(conversation_id)s, %(reply_id)s, free_slot, %(owner_id)s, 1,
        now() + make_interval(secs => %(lease_seconds)s), fallback_head_id, now()
    from moved
),
remembered as (
    insert into idempotency_keys (user_id, key, fingerprint, conversation_id, user_message_id, reply_id, created_at)
    select %(user_id)s, %(key)s, %(fingerprint)s, %(conversation_id)s, user_message_id, %(reply_id)s, now()
    from moved
    where %(key)s::text is not null
)
select case when o.outcome = 'accepted' and moved.reply_position is null then 'stale' else o.outcome end,
    o.user_message_id, o.reply_id, o.running_id, o.epoch, o.question_parent_id, moved.reply_position,
    moved.reply_model_tag,
    case when m.count > 2 then null else o.instructions end,
    m.id, m.parent_id, m.position, m.role, case when m.status = 'streaming' then coalesce((
            select string_agg(d.text, '' order by d.start_offset)
            from deltas as d
            where d.user_id = %(user_id)s and d.message_id = m.id
        ), '') else m.content end as content, m.status, m.error, m.token_count, m.model_tag, m.inference_time_ms, m.created_at
from outcome as o left join moved on true left join said as m on true
