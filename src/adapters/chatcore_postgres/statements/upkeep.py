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

PING = "select 1"
