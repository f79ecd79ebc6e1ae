"""Stores in PostgreSQL how many streams each user has open in each process."""

from collections.abc import Mapping

from chatcore.ports.stream_counts import COUNT_SECONDS, ProcessId
from chatcore.user import UserId
from chatcore_postgres.driver.arrays import Integers, Texts
from chatcore_postgres.driver.database import Connection, Database, fetch_on

# A process writes only its own rows, so no process waits for another.
#
# Here and below, users are looked up by `any` and not by a join: each user costs one lookup in the key, for any number
# of users and any estimate of the planner for such a short-lived table.
PUBLISH_STREAM_COUNTS = """
with taken_back as (
    delete from open_streams
    where user_id = any(%(gone)s::text[]) and process_id = %(process_id)s
)
insert into open_streams (user_id, process_id, streams, valid_until)
select user_id, %(process_id)s, streams, now() + make_interval(secs => %(valid_seconds)s)
from unnest(%(user_ids)s::text[], %(counts)s::bigint[]) as said (user_id, streams)
on conflict (user_id, process_id) do update set streams = excluded.streams, valid_until = excluded.valid_until
returning streams
"""

# The query is not part of the previous statement, which would read with a snapshot from before its own rows are
# visible: of two processes that publish at the same time, neither would find the other.
COUNT_STREAMS_ELSEWHERE = """
select user_id, sum(streams)::bigint
from open_streams
where user_id = any(%(user_ids)s::text[]) and process_id <> %(process_id)s and valid_until > now()
group by user_id
"""

# All processes that sweep use the same order, so that they cannot wait for each other in a circle.
FORGET_STREAM_COUNTS = """
delete from open_streams as s
using (
    select user_id, process_id
    from open_streams
    where valid_until < now()
    order by user_id, process_id
    limit %(limit)s
) as silent
where s.user_id = silent.user_id and s.process_id = silent.process_id and s.valid_until < now()
returning s.process_id
"""


async def exchange(database: Database, process_id: ProcessId, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
    """Publishes the counts of a process and then reads the counts of the others, as the port says.

    Each statement is its own transaction, so that other processes see the counts before this process reads theirs.
    """
    open_here = {user_id: count for user_id, count in counts.items() if count}
    own = {"process_id": process_id, "user_ids": Texts(open_here)}
    published = {
        "gone": Texts(counts.keys() - open_here.keys()),
        "counts": Integers(open_here.values()),
        "valid_seconds": COUNT_SECONDS,
    }

    async def unit(connection: Connection) -> Mapping[UserId, int]:
        await fetch_on(connection, PUBLISH_STREAM_COUNTS, own | published)
        if not open_here:
            return {}
        found = await fetch_on(connection, COUNT_STREAMS_ELSEWHERE, own)
        return {user_id: streams for user_id, streams in found}  # noqa: C416 - a row is a tuple of any values

    return await database.run(unit)


async def forget(database: Database, limit: int) -> int:
    """Deletes expired counts, as the port says."""
    return len(await database.fetch(FORGET_STREAM_COUNTS, {"limit": limit}))
