"""Statements for all replies of a process: the work grows with the number of replies, not with its square."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncRawCursor

from chatcore.testing.samples import a_turn, progress
from chatcore.testing.storage.steps import create, lease_of
from chatcore_postgres import PostgresStorage
from chatcore_postgres.driver import arrays, database
from chatcore_postgres.driver.arrays import Bools, Integers, Texts, Uuids
from chatcore_postgres.replies.checkpoint import CHECKPOINT

_MANY = 500

_BEGIN_MANY = f"""
insert into conversations
select 'alice', md5('c' || n)::uuid, 'A title', 'auto', 'default', null, 2, now(), now()
from generate_series(1, {_MANY}) as n;
insert into messages
select user_id, md5(id::text)::uuid, id, null, 1, 'assistant', '', 'streaming', null, null, null, null, now()
from conversations;
insert into generations
select user_id, conversation_id, id, row_number() over (), $1, 1, now(), false, null, now()
from messages
"""  # noqa: S608 - the only value is the constant above


def _scanned(node: Mapping[str, Any]) -> Iterator[float]:
    """Yields how many rows each scan of a plan returned, in all its loops."""
    yield node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
    yield node["Actual Loops"] * node.get("Rows Removed by Join Filter", 0)
    for child in node.get("Plans", ()):
        yield from _scanned(child)


async def test_a_checkpoint_on_unanalysed_tables_stays_linear(
    database_url: str,
) -> None:
    owner = uuid4()
    async with await database.Connection.connect(
        database_url, autocommit=True, cursor_factory=AsyncRawCursor
    ) as connection:
        arrays.register(connection)
        for part in _BEGIN_MANY.split(";"):
            await connection.execute(part.encode(), [owner] if "$1" in part else None)
        cursor = await connection.execute(b"select conversation_id, message_id from generations")
        ids: list[tuple[UUID, UUID]] = await cursor.fetchall()

        ((document,),) = await database.fetch_on(
            connection,
            "explain (analyze, format json) " + CHECKPOINT,
            {
                "owner_id": owner,
                "lease_seconds": 15.0,
                "user_ids": Texts(["alice"] * _MANY),
                "conversation_ids": Uuids([conversation_id for conversation_id, _ in ids]),
                "message_ids": Uuids([message_id for _, message_id in ids]),
                "epochs": Integers([1] * _MANY),
                "start_offsets": Integers([0] * _MANY),
                "texts": Texts(["text"] * _MANY),
                "token_counts": Integers([1] * _MANY),
                "renewals": Bools([True] * _MANY),
            },
            plan_anew=True,
        )
        plan = (json.loads(document) if isinstance(document, str | bytes) else document)[0]["Plan"]

    assert max(_scanned(plan)) <= 2 * _MANY


async def test_a_batch_is_planned_for_its_own_size(database_url: str) -> None:
    # A plan for three replies would otherwise be kept for a thousand.
    async with PostgresStorage(database_url, min_connections=1, max_connections=1, reserved_connections=1) as storage:
        lease = lease_of(await storage.begin_turn(a_turn(await create(storage))))
        for repeat in range(8):
            await storage.checkpoint(lease.owner_id, [progress(lease, "Hi", start_offset=2 * repeat)])
        prepared = await storage._pools.background.fetch("select statement from pg_prepared_statements", {})

    assert not [statement for (statement,) in prepared if '"public".deltas' in statement]
