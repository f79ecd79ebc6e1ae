"""Lists and conversations cost the same however much is stored: only indexes are read, and few of their pages."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, LiteralString
from uuid import UUID

import pytest
from psycopg import AsyncConnection, AsyncRawCursor

from chatcore_postgres import database
from chatcore_postgres.statements import conversations

# A user with half of everything, among two thousand who have the rest.
_FILL = """
insert into conversations
select case when n % 2 = 0 then 'heavy' else 'user' || n % 2000 end, lpad(to_hex(n), 32, '0')::uuid, 'A title', 'auto',
    'default', null, 3, now(), timestamptz '2026-01-01Z' + n * interval '1 second'
from generate_series(1, 50000) as n;
insert into messages
select user_id, md5(id::text || n)::uuid, id, null, n, 'user', 'text', 'complete', null, null, null, null, now()
from conversations, generate_series(1, 2) as n
"""
_PAGE = 51
# Of a page of rows that lie each on a page of their own, with the index's own pages.
_MAX_BUFFERS = 3 * _PAGE


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[database.Connection]:
    async with await AsyncConnection.connect(
        database_url, autocommit=True, cursor_factory=AsyncRawCursor
    ) as connection:
        await connection.execute(_FILL)
        # So that what is visible is known, and index pages are as they are in the long run.
        await connection.execute(b"vacuum analyze")
        yield connection


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
async def test_no_read_grows_with_what_is_stored(connection: database.Connection, mode: str) -> None:
    await connection.execute(f"set plan_cache_mode = {mode}".encode())
    for user_id, number in (("heavy", 40_000), ("user1", 40_001)):
        (row,) = await database.fetch_on(
            connection,
            "select id, updated_at from conversations where user_id = %(user_id)s order by 2 offset %(half)s limit 1",
            {"user_id": user_id, "half": 12_500 if user_id == "heavy" else 12},
        )
        names = {"user_id": user_id, "conversation_id": row[0], "message_id": UUID(int=number)}
        first = {"user_id": user_id, "limit": _PAGE, "offset": 0}
        after = {"user_id": user_id, "limit": _PAGE, "after_updated_at": row[1], "after_id": UUID(int=2**128 - 1)}

        await _expect_index_scans(connection, conversations.LIST_BY_OFFSET, first)
        await _expect_index_scans(connection, conversations.LIST_BY_CURSOR, after)
        await _expect_index_scans(connection, conversations.OPEN, names)
        await _expect_index_scans(connection, conversations.GET_MESSAGE, names)


async def _expect_index_scans(
    connection: database.Connection, query: LiteralString, parameters: Mapping[str, object]
) -> None:
    rows = await database.fetch_on(connection, "explain (analyze, buffers, format json) " + query, parameters)
    (document,) = rows[0]
    plan: dict[str, Any] = (json.loads(document) if isinstance(document, str | bytes) else document)[0]["Plan"]
    nodes = list(_nodes(plan))
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"], plan
    # Of who has less than a page, all may be read through a bitmap of the index, and sorted.
    whole = [node for node in nodes if node["Node Type"] in {"Bitmap Heap Scan", "Sort"}]
    assert not [node for node in whole if node["Actual Rows"] > _PAGE], plan
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= _MAX_BUFFERS, plan


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
