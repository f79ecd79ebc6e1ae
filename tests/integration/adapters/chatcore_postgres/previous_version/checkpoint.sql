with found as (
    select part.*, g.message_id as running_id, g.owner_id, g.epoch as running_epoch, g.stop_requested
    from unnest(%(user_ids)s::text[], %(conversation_ids)s::uuid[], %(message_ids)s::uuid[], %(epochs)s::bigint[],
            %(start_offsets)s::bigint[], %(texts)s::text[], %(renewals)s::boolean[])
        with ordinality as part (user_id, conversation_id, message_id, epoch, start_offset, text, renew, number)
        join generations as g on g.user_id = part.user_id and g.conversation_id = part.conversation_id
    offset 0
),
held as (
    select *
    from found
    where running_id = message_id and owner_id = %(owner_id)s and running_epoch = epoch
),
stored as (
    insert into deltas (user_id, message_id, start_offset, text)
    select user_id, message_id, start_offset, text
    from held
    where text <> ''
    on conflict (user_id, message_id, start_offset) do nothing
),
renewed as (
    update generations as g
    set lease_until = now() + make_interval(secs => %(lease_seconds)s)
    from held
    where held.renew and g.user_id = held.user_id and g.conversation_id = held.conversation_id
        and g.owner_id = %(owner_id)s and g.epoch = held.epoch
)
select part.number, held.stop_requested
from generate_subscripts(%(message_ids)s::uuid[], 1) as part (number)
    left join held on held.number = part.number
where held.number is null or held.stop_requested
