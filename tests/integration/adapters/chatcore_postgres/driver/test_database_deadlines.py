"""One deadline covers all statements and repeats of a call."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from tests.integration.adapters.chatcore_postgres.small_database import small_database

from chatcore.errors import StorageUnavailableError
from chatcore.ports.stream_counts import ProcessId
from chatcore.testing.samples import ALICE
from chatcore_postgres import stream_counts
from chatcore_postgres.driver.database import Database

_TIMEOUT_SECONDS, _SECONDS_EACH, _MOST_IN_TIME = 0.5, 0.3, 2
_OVERTAKEN = "select 'stale', nextval('rounds'), pg_sleep(%(seconds)s)"


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with small_database(database_url, timeout_seconds=_TIMEOUT_SECONDS) as database:
        yield database


async def test_all_rounds_of_an_overtaken_statement_have_one_deadline(
    database: Database, admin: AsyncConnection[Any]
) -> None:
    await admin.execute("create sequence rounds")

    with pytest.raises(StorageUnavailableError) as raised:
        await database.fetch_definite(_OVERTAKEN, {"seconds": _SECONDS_EACH})

    assert raised.value.is_in_doubt
    row = await (await admin.execute("select last_value from rounds")).fetchone()
    assert row is not None
    assert row[0] <= _MOST_IN_TIME


async def test_stream_counts_are_exchanged_on_one_connection(
    database: Database,
) -> None:
    assert await stream_counts.exchange(database, ProcessId(UUID(int=1)), {ALICE: 1}) == {}

    assert database.stats()["requests_num"] == 1
