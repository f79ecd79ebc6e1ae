select id, title, title_source, model_tag, head_id, created_at, updated_at, is_pinned, instructions, (
    select g.message_id
    from generations as g
    where g.user_id = %(user_id)s and g.conversation_id = page.id
) as active_reply_id
from (
    select id, title, title_source, model_tag, head_id, created_at, updated_at, is_pinned, instructions
    from conversations
    where user_id = %(user_id)s
    order by updated_at desc, id desc
    limit %(limit)s offset %(offset)s
) as page
order by updated_at desc, id desc
