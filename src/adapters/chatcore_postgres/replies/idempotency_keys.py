"""Deletes old idempotency keys."""

from datetime import datetime

from chatcore_postgres.driver.database import Database

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


async def purge(database: Database, before: datetime, limit: int) -> int:
    """Deletes keys that were recorded before an instant, as the port says."""
    parameters = {"before": before, "limit": limit}
    # A plan for all values would expect so many old keys that it reads the whole table.
    return len(await database.fetch(PURGE_IDEMPOTENCY_KEYS, parameters, plan_anew=True))
