"""Reads from PostgreSQL which conversations have changed.

**Places.** Every statement that changes a conversation stores the id of its transaction in `changed_xid`, and a
deletion leaves a row with the id of its own. Transactions commit in any order, so a read asks by snapshots: it returns
the rows whose transaction was not visible in the snapshot of the previous read. A statement of its own takes the
snapshot of a read before another one reads the rows; what commits in between is read twice and never missed. Between
processes, in the id of an event, a snapshot is reduced to its `xmin`: every transaction with a lower id had ended. So a
change whose transaction ended while a lower one still ran may be repeated.

Rows at or above the snapshot's `xmax` are left for the next read. In a database that was copied with `pg_dump`, rows
have ids that its own transactions reach only later.

**Citus.** The snapshot and the id of a transaction are those of the node to which the service is connected: the
coordinator, where every transaction ends after its rows can be read on their shard.

**Restores.** A place is known in the history in which it was taken: that of the same table in the same cluster on the
same timeline. A promoted standby has another timeline, and may lack what the old primary had shown.

**Crashes.** A transaction of which nothing was written to disk may lose its id in a crash, and the id is given out
again: a snapshot from before takes the new transaction for the old one, which had ended. So a place from before the
last start of the server counts from some ids earlier on.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from operator import itemgetter
from typing import LiteralString

from attrs import frozen

from chatcore.ports.changes import Change, ChangesRead
from chatcore.sync.watermark import Watermark
from chatcore.user import UserId
from chatcore_postgres.driver.arrays import Texts
from chatcore_postgres.driver.database import Connection, Database, Row, fetch_on
from chatcore_postgres.driver.statement import quoted
from chatcore_postgres.rows import CONVERSATION_COLUMNS, active_reply_of, change_number, listed, to_conversations

#: Most ids that a crash loses: as many as a busy server gives out in the 0.6 s until its log is written to disk.
LOST_IDS = 2_000

# A standby has no position of its own in the log.
READ_SNAPSHOT = """
select pg_snapshot_xmin(snapshot)::text::bigint, pg_snapshot_xmax(snapshot)::text::bigint, snapshot::text, now(),
    pg_postmaster_start_time(), (select system_identifier from pg_control_system()),
    case when not pg_is_in_recovery() then left(pg_walfile_name(pg_current_wal_lsn()), 8) end,
    to_regclass(%(schema)s || '.conversations')::oid::bigint
from (select pg_current_snapshot() as snapshot offset 0) as taken
"""


def _recent(table: LiteralString, columns: LiteralString) -> LiteralString:
    """Returns the query for the first changes of each user in a table, by the index of changes.

    Users are looked up by `any` and not by a join; :mod:`chatcore_postgres.stream_counts` says why.
    """
    return f"""
    select user_id, changed_xid, {columns}
    from (
        select *, row_number() over (partition by user_id order by changed_xid) as place
        from {table}
        where user_id = any(%(user_ids)s::text[]) and changed_xid >= %(number)s::bigint
            and changed_xid < %(end)s::bigint
            and not pg_visible_in_snapshot(changed_xid::text::xid8, %(seen)s::text::pg_snapshot)
    ) as recent
    where place <= %(limit)s::bigint"""  # noqa: S608 - the table and the columns are literals


# A deleted conversation has its id alone.
READ_CHANGES = f"""
{_recent("conversations", f"{listed(CONVERSATION_COLUMNS)}, {active_reply_of('recent', 'recent.user_id')}")}
union all
{_recent("deleted_conversations", f"id, {listed('null' for _ in CONVERSATION_COLUMNS)}")}
"""

# A conversation may be created anew and deleted again while this statement waits.
PURGE_DELETIONS = """
delete from deleted_conversations as d
using (
    select user_id, id
    from deleted_conversations
    where deleted_at <= now() - make_interval(secs => %(age_seconds)s)
    order by deleted_at
    limit %(limit)s
) as old
where d.user_id = old.user_id and d.id = old.id and d.deleted_at <= now() - make_interval(secs => %(age_seconds)s)
returning d.id
"""


def record_deletions(deleted: LiteralString) -> LiteralString:
    """Returns the insert that tells of the deletion of the conversations whose users and ids are in `deleted`."""
    return f"""insert into deleted_conversations (user_id, id, changed_xid, deleted_at)
select user_id, id, {change_number()}, now()
from {deleted}
on conflict (user_id, id) do update set changed_xid = excluded.changed_xid, deleted_at = excluded.deleted_at"""  # noqa: S608 - the table is a literal


@frozen
class _Snapshot:
    """What a snapshot of the database shows, and in which history."""

    watermark: Watermark
    #: No transaction with this id or a higher one had begun.
    end: int
    started_at: datetime

    def knows(self, after: Watermark) -> bool:
        """Returns whether the watermark was taken in this history."""
        return after.origin == self.watermark.origin and after.number <= self.end

    def parameters(self, after: Watermark) -> Mapping[str, object]:
        """Returns the parameters for what has changed after a watermark that is known."""
        number, seen = after.number, after.beyond
        if after.at <= self.started_at:
            number, seen = number - LOST_IDS, ""
        number = max(number, 1)
        # A place without a snapshot is the snapshot in which everything below has ended.
        return {"number": number, "end": self.end, "seen": seen or f"{number}:{number}:"}


async def read_watermark(database: Database) -> Watermark:
    """Returns the present place, as the port says."""

    async def unit(connection: Connection) -> Watermark:
        return (await _take_snapshot(connection)).watermark

    return await database.run(unit)


async def read_changes(database: Database, user_ids: Collection[UserId], after: Watermark, limit: int) -> ChangesRead:
    """Returns the first changes of each user after a watermark, as the port says."""

    async def unit(connection: Connection) -> ChangesRead:
        snapshot = await _take_snapshot(connection)
        if not snapshot.knows(after):
            return ChangesRead(watermark=snapshot.watermark, changes={}, is_known=False)
        parameters = {**snapshot.parameters(after), "user_ids": Texts(user_ids), "limit": limit}
        rows = await fetch_on(connection, READ_CHANGES, parameters)
        return ChangesRead(watermark=snapshot.watermark, changes=_to_changes(rows, limit))

    return await database.run(unit)


async def purge_deletions(database: Database, age_seconds: float, limit: int) -> int:
    """Forgets old deletions, as the port says."""
    parameters = {"age_seconds": age_seconds, "limit": limit}
    # A plan for all values would expect so many old rows that it reads the whole table.
    return len(await database.fetch(PURGE_DELETIONS, parameters, plan_anew=True))


async def _take_snapshot(connection: Connection) -> _Snapshot:
    ((xmin, xmax, snapshot, now, started_at, *history),) = await fetch_on(
        connection, READ_SNAPSHOT, {"schema": quoted(connection.schema)}
    )
    origin = sha256(repr(history).encode()).hexdigest()[:8]
    watermark = Watermark(origin=origin, number=xmin, at=now.astimezone(UTC), beyond=snapshot)
    return _Snapshot(watermark, end=xmax, started_at=started_at)


def _to_changes(rows: Sequence[Row], limit: int) -> Mapping[UserId, Sequence[Change]]:
    by_user: defaultdict[UserId, list[Change]] = defaultdict(list)
    for user_id, number, id_, *values in sorted(rows, key=itemgetter(1)):
        is_deleted = values[0] is None
        conversation = None if is_deleted else to_conversations(user_id, [(id_, *values)])[0]
        by_user[user_id].append(Change(number=number, conversation_id=id_, conversation=conversation))
    return {user_id: changes[:limit] for user_id, changes in by_user.items()}
