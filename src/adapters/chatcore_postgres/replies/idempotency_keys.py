"""Deletes old idempotency keys."""

from chatcore_postgres.driver.database import Database

PURGE_IDEMPOTENCY_KEYS = """
delete from idempotency_keys as k
using (
    select user_id, key
    from idempotency_keys
    where created_at <= now() - make_interval(secs => %(age_seconds)s)
    order by created_at
    limit %(limit)s
) as old
where k.user_id = old.user_id and k.key = old.key
returning k.key
"""


async def purge(database: Database, age_seconds: float, limit: int) -> int:
    """Deletes keys that were recorded some time ago, as the port says."""
    parameters = {"age_seconds": age_seconds, "limit": limit}
    # A plan for all values would expect so many old keys that it reads the whole table.
    return len(await database.fetch(PURGE_IDEMPOTENCY_KEYS, parameters, plan_anew=True))
