"""An exchange of stream counts costs as much as its users have rows, not as much as all users have."""

from typing import LiteralString
from uuid import UUID

import pytest
from psycopg import AsyncRawCursor
from tests.integration.plans.explaining import explain
from tests.integration.plans.plan import Kind

from chatcore.ports import COUNT_SECONDS
from chatcore_postgres.driver import arrays
from chatcore_postgres.driver.arrays import Integers, Texts
from chatcore_postgres.driver.database import Connection
from chatcore_postgres.stream_counts import COUNT_STREAMS_ELSEWHERE, PUBLISH_STREAM_COUNTS

_USERS, _PROCESSES = 2000, 5
_OWN = UUID(int=1)

_FILL = f"""
insert into open_streams
select 'user-' || u, lpad(p::text, 32, '0')::uuid, 1, now() + interval '1 hour'
from generate_series(1, {_USERS}) as u, generate_series(1, {_PROCESSES}) as p
"""  # noqa: S608 - the only values are the constants above


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("is_analyzed", [True, False])
async def test_an_exchange_reads_only_the_rows_of_its_users(
    database_url: str, kind: Kind, *, is_analyzed: bool
) -> None:
    async with await Connection.connect(database_url, autocommit=True, cursor_factory=AsyncRawCursor) as connection:
        arrays.register(connection)
        await connection.execute(_FILL.encode())
        if is_analyzed:
            await connection.execute(b"analyze")

        async def read(query: LiteralString, users: int, gone: int) -> float:
            parameters = {
                "process_id": _OWN,
                "user_ids": Texts([f"user-{number}" for number in range(1, users + 1)]),
                "gone": Texts([f"user-{_USERS - number}" for number in range(gone)]),
                "counts": Integers([2] * users),
                "valid_seconds": COUNT_SECONDS,
            }
            plan = await explain(connection, query, parameters, kind)
            return plan.rows_read("open_streams") + plan.rows_joined_in_vain()

        assert await read(COUNT_STREAMS_ELSEWHERE, 1, 0) <= _PROCESSES
        assert await read(PUBLISH_STREAM_COUNTS, 1, 1) <= 1
        # At worst, many users cost one scan of all rows, and never one scan for each user.
        assert await read(COUNT_STREAMS_ELSEWHERE, 1000, 0) <= _USERS * _PROCESSES
        assert await read(PUBLISH_STREAM_COUNTS, 1000, 1000) <= _USERS * _PROCESSES
