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
