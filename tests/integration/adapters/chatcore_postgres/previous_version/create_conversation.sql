insert into conversations (user_id, id, title, title_source, model_tag, head_id, created_at, updated_at, is_pinned, instructions)
values (%(user_id)s, %(id)s, %(title)s, %(title_source)s, %(model_tag)s, %(head_id)s, %(created_at)s, %(updated_at)s, %(is_pinned)s, %(instructions)s)
on conflict (user_id, id) do nothing
returning id
