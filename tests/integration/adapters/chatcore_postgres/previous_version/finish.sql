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
