"""What concerns no single user."""

PURGE_IDEMPOTENCY_KEYS = """
delete from idempotency_keys as k
using (
    select user_id, key
    from idempotency_keys
    where created_at < %(before)s
    order by created_at
    limit %(limit)s
) as old
where k.user_id = old.user_id and k.key = old.key
returning k.key
"""

# Reads nothing, but cannot be planned unless every table is there: a database that nobody has migrated is no database.
PING = """
select c.user_id
from conversations as c join messages as m on m.user_id = c.user_id join generations as g on g.user_id = c.user_id
    join deltas as d on d.user_id = c.user_id join idempotency_keys as k on k.user_id = c.user_id
    join open_streams as s on s.user_id = c.user_id
where false
"""
