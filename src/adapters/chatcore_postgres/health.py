"""Checks that the database answers and has all tables."""

from chatcore_postgres.driver.database import Database

# The statement reads no row, but cannot be planned unless every table exists: without the schema a database is not
# ready.
PING = """
select c.user_id
from conversations as c join messages as m on m.user_id = c.user_id join generations as g on g.user_id = c.user_id
    join deltas as d on d.user_id = c.user_id join idempotency_keys as k on k.user_id = c.user_id
    join open_streams as s on s.user_id = c.user_id
where false
"""


async def ping(database: Database) -> None:
    """Returns when the database answers and has all tables, as the port says."""
    await database.fetch(PING, {})
