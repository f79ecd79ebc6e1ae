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
