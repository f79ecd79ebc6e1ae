"""How many streams users have open, by process: what processes say and learn."""

from collections.abc import Mapping

from chatcore.ports.stream_counts import COUNT_SECONDS, ProcessId
from chatcore.user import UserId
from chatcore_postgres.driver.arrays import Integers, Texts
from chatcore_postgres.driver.database import Connection, Database, fetch_on
from chatcore_postgres.statements import stream_counts


async def exchange(database: Database, process_id: ProcessId, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
    """Publishes, and then looks: each by itself, so that what was published can be seen by others who look."""
    open_here = {user_id: count for user_id, count in counts.items() if count}
    own = {"process_id": process_id, "user_ids": Texts(open_here)}
    said = {
        "gone": Texts(counts.keys() - open_here.keys()),
        "counts": Integers(open_here.values()),
        "valid_seconds": COUNT_SECONDS,
    }

    async def unit(connection: Connection) -> Mapping[UserId, int]:
        await fetch_on(connection, stream_counts.PUBLISH_STREAM_COUNTS, own | said)
        if not open_here:
            return {}
        found = await fetch_on(connection, stream_counts.COUNT_STREAMS_ELSEWHERE, own)
        return {user_id: streams for user_id, streams in found}  # noqa: C416 - a row is a tuple of anything

    return await database.run(unit)


async def forget(database: Database, limit: int) -> int:
    """Removes what has run out."""
    return len(await database.fetch(stream_counts.FORGET_STREAM_COUNTS, {"limit": limit}))
