"""Arrays reach the server unchanged."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncRawCursor

from chatcore.testing.samples import AWKWARD_TEXT
from chatcore_postgres.driver import arrays
from chatcore_postgres.driver.arrays import Bools, Integers, Texts, Uuids
from chatcore_postgres.driver.database import Connection, fetch_on

_ECHO = "select %(array)s as it, pg_typeof(%(array)s)::text"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    async with await Connection.connect(database_url, cursor_factory=AsyncRawCursor) as connection:
        arrays.register(connection)
        yield connection


@pytest.mark.parametrize(
    ("array", "type_name"),
    [
        (Bools([True, False, True]), "boolean[]"),
        (Integers([0, 1, -1, 2**63 - 1, -(2**63)]), "bigint[]"),
        (Texts(["", "a", AWKWARD_TEXT, '{"\\', "NULL", "\U0010ffff" * 5000]), "text[]"),
        (Uuids([UUID(int=0), UUID(int=2**128 - 1), uuid4()]), "uuid[]"),
        (Bools(), "boolean[]"),
        (Integers(), "bigint[]"),
        (Texts(), "text[]"),
        (Uuids(), "uuid[]"),
    ],
)
async def test_an_array_comes_back_as_it_was_sent(connection: Connection, array: list[object], type_name: str) -> None:
    assert await fetch_on(connection, _ECHO, {"array": array}) == [(list(array), type_name)]
