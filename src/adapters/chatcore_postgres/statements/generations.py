"""Replies in the making: checkpoints, endings, rescue, and readers on other replicas."""

# A part is stored if its lease is the present one. Between that look and the insert a reply may end; the foreign key
# of the deltas then fails the statement, so no text is ever stored for a reply that is over, and the statement is
# sent again.
#
# Where a part was stored before it is not stored again: that is what a repeat after a lost answer finds.
#
# Only those come back of whom there is something to tell: nearly all of a thousand are to go on, four times a second.
#
# `found` looks at keys only, and `offset 0` keeps the owner out of it: the planner believes that an owner has a row or
# two, and would compare each part with each row.
CHECKPOINT = """
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
"""

# The conversation's row first, and why an answer may be stale: see :mod:`chatcore_postgres.statements.turns`. Here it
# is when the generation that the snapshot shows could not be ended: somebody else did, while this one waited.
#
# A repeat finds no generation any more and recognises its own work by what the message says.
FINISH = """
with conversation as (
    select id
    from conversations
    where user_id = %(user_id)s and id = %(conversation_id)s
    for no key update
),
ended as (
    delete from generations as g
    using conversation
    where g.user_id = %(user_id)s and g.conversation_id = conversation.id and g.message_id = %(message_id)s
        and g.owner_id = %(owner_id)s and g.epoch = %(epoch)s
    returning g.fallback_head_id
),
written as (
    update messages as m
    set status = %(status)s, content = %(content)s, error = %(error)s, token_count = %(token_count)s,
        inference_time_ms = %(inference_time_ms)s
    from ended
    where m.user_id = %(user_id)s and m.id = %(message_id)s
),
moved as (
    update conversations as c
    set head_id = case when %(returns_head)s and c.head_id = %(message_id)s then ended.fallback_head_id
            else c.head_id end,
        updated_at = greatest(c.updated_at, %(ended_at)s)
    from ended
    where c.user_id = %(user_id)s and c.id = %(conversation_id)s
)
select
    case
        when exists (select from ended) then 'done'
        when exists (
            select
            from generations
            where user_id = %(user_id)s and conversation_id = %(conversation_id)s and message_id = %(message_id)s
                and owner_id = %(owner_id)s and epoch = %(epoch)s
        ) then 'stale'
        when exists (
            select
            from messages
            where user_id = %(user_id)s and id = %(message_id)s
                and conversation_id is not distinct from %(conversation_id)s
                and status = %(status)s and content = %(content)s and error is not distinct from %(error)s::text
        ) then 'done'
        else 'lost'
    end
"""

# Of two sweepers that want the same row the second one waits for the first, looks at the row again, and finds the
# lease renewed. There is no FOR UPDATE SKIP LOCKED here: over several users it cannot be distributed.
CLAIM_EXPIRED = """
update generations as g
set owner_id = %(owner_id)s, epoch = g.epoch + 1, lease_until = now() + make_interval(secs => %(lease_seconds)s)
from (
    select user_id, conversation_id
    from generations
    where lease_until < now() and not (owner_id = %(owner_id)s and message_id = any(%(running)s::uuid[]))
    order by lease_until
    limit %(limit)s
) as expired
where g.user_id = expired.user_id and g.conversation_id = expired.conversation_id
    and g.lease_until < now() and not (g.owner_id = %(owner_id)s and g.message_id = any(%(running)s::uuid[]))
returning g.user_id, g.conversation_id, g.message_id, g.epoch
"""

# Of this transaction only. It is the one of several round trips, and a process that is frozen in the middle would keep
# its locks, for which the rescuers of all replies would wait.
GIVE_UP_WHEN_IDLE = "select set_config('idle_in_transaction_session_timeout', '5s', true)"

# Waits for checkpoints that are storing text for this reply (their foreign keys share the row) and keeps later ones
# out. What they stored is seen by the next statement only, not by this one.
LOCK = """
select g.message_id
from conversations as c join generations as g on g.user_id = c.user_id and g.conversation_id = c.id
where c.user_id = %(user_id)s and c.id = %(conversation_id)s and g.message_id = %(message_id)s
    and g.owner_id = %(owner_id)s and g.epoch = %(epoch)s
for update
"""

# A turn's reply comes right after its question; one that does not is made beside an earlier reply.
REMAINS = """
select
    (
        select coalesce(string_agg(text, '' order by start_offset), '')
        from deltas
        where user_id = %(user_id)s and message_id = %(message_id)s
    ),
    g.stop_requested,
    reply.position > question.position + 1
from generations as g
    join messages as reply on reply.user_id = g.user_id and reply.id = g.message_id
    join messages as question on question.user_id = reply.user_id and question.id = reply.parent_id
where g.user_id = %(user_id)s and g.conversation_id = %(conversation_id)s and g.message_id = %(message_id)s
"""

# From the delta on in which the reader's offset lies to the one in which its room ends; what sticks out on either side
# is cut off by the caller. How much there is beyond is not looked up: that would cost all readers a tenth more, and be
# of interest to none.
READ_DELTAS = """
select g.message_id is not null, stored.start_offset, stored.text
from unnest(%(user_ids)s::text[], %(conversation_ids)s::uuid[], %(message_ids)s::uuid[], %(offsets)s::bigint[],
        %(untils)s::bigint[])
    with ordinality as reader (user_id, conversation_id, message_id, "offset", until, number)
    left join generations as g on g.user_id = reader.user_id and g.conversation_id = reader.conversation_id
        and g.message_id = reader.message_id
    left join lateral (
        select min(d.start_offset) as start_offset, string_agg(d.text, '' order by d.start_offset) as text
        from deltas as d
        where d.user_id = g.user_id and d.message_id = g.message_id and d.start_offset >= (
            select coalesce(max(b.start_offset), 0)
            from deltas as b
            where b.user_id = g.user_id and b.message_id = g.message_id and b.start_offset <= reader."offset"
        ) and d.start_offset < reader.until
    ) as stored on true
order by reader.number
"""
