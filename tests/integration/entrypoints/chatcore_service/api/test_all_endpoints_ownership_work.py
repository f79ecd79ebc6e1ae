"""What is another's, was deleted or never was costs the database the same: statement by statement, row by row.

Compared is the work and not the time it takes, which is noise to a test and follows from the work.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest
from attrs import frozen
from psycopg import AsyncConnection, AsyncRawCursor
from tests.unit.entrypoints.chatcore_service.api.ownership import OWNED, RANDOM_ID, Ids, Row
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, BOB, make_container

from chatcore_postgres import PostgresStorage
from chatcore_postgres.driver import arrays

#: What of a plan tells how much work there was.
_TOLD = ("Node Type", "Relation Name", "Index Name", "Actual Rows", "Actual Loops", "Rows Removed by Filter")


class Statement(NamedTuple):
    """What was sent to the database in a request's name."""

    query: bytes
    parameters: Sequence[object]


@frozen
class Watched:
    """The service over a database, and what it has sent there for Alice."""

    client: httpx.AsyncClient
    database_url: str
    statements: list[Statement]

    async def owned(self, headers: dict[str, str]) -> Ids:
        """Creates a conversation with a complete turn; returns its id and the reply's."""
        path = (await self.client.post("/api/conversations", headers=headers)).headers["location"]
        await self.client.post(f"{path}/messages", json={"content": "hi"}, headers=headers)
        opened = (await self.client.get(path, headers=headers)).json()
        return opened["id"], opened["messages"][-1]["id"]

    async def statements_for(self, row: Row, ids: Ids, *, status: int = 404) -> list[Statement]:
        """Sends a request of Alice's and checks its status; returns the statements that the service sent for it."""
        self.statements.clear()
        response = await row.request(self.client, ids, ALICE)
        assert response.status_code == status
        return self.statements.copy()

    async def work_of(self, statements: Sequence[Statement]) -> list[object]:
        """Returns the work of the database for each of the statements."""
        async with await AsyncConnection.connect(
            self.database_url, autocommit=True, cursor_factory=AsyncRawCursor
        ) as connection:
            arrays.register(connection)
            return [await _work(connection, statement) for statement in statements]


async def _work(connection: AsyncConnection[Any], statement: Statement) -> object:
    explain = b"explain (analyze, timing off, summary off, format json) " + statement.query
    async with connection.transaction(force_rollback=True):
        rows = await (await connection.execute(explain, statement.parameters)).fetchall()
    (document,) = rows[0]
    return _reduced((json.loads(document) if isinstance(document, str) else document)[0]["Plan"])


def _reduced(node: Mapping[str, Any]) -> object:
    return {name: node.get(name) for name in _TOLD}, [_reduced(child) for child in node.get("Plans", ())]


@pytest.fixture
async def watched(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    container = make_container()
    container.storage.override(PostgresStorage(database_url))
    statements: list[Statement] = []
    execute = psycopg.AsyncConnection.execute

    async def note(connection: AsyncConnection[Any], query: bytes, parameters: Any = None, **options: Any) -> Any:  # noqa: ANN401 - as psycopg has it
        # Whatever a request sends names its caller; what goes on in the background does not.
        if parameters and any(isinstance(value, str) and value == "alice" for value in parameters):
            statements.append(Statement(query, parameters))
        return await execute(connection, query, parameters, **options)

    monkeypatch.setattr(psycopg.AsyncConnection, "execute", note)
    app = container.application()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://chat.test") as client,
    ):
        yield Watched(client, database_url, statements)


async def test_all_strangers_make_the_same_work_and_no_id_makes_none(watched: Watched) -> None:
    alices, bobs, deleted = await watched.owned(ALICE), await watched.owned(BOB), await watched.owned(ALICE)
    assert (await watched.client.delete(f"/api/conversations/{deleted[0]}", headers=ALICE)).status_code == 204

    for row in OWNED:
        kinds = [bobs, deleted, (RANDOM_ID, RANDOM_ID)]
        await _require_the_same_work(watched, row, kinds)
        if row.names_a_reply:
            await _require_the_same_work(watched, row, [(alices[0], reply) for _, reply in kinds])
        assert await watched.statements_for(row, ("malformed", "malformed")) == []
    # And the measure would tell.
    reading = OWNED[0]
    there = await watched.statements_for(reading, alices, status=200)
    nowhere = await watched.statements_for(reading, (RANDOM_ID, RANDOM_ID))
    assert await watched.work_of(there) != await watched.work_of(nowhere)


async def _require_the_same_work(watched: Watched, row: Row, kinds: Sequence[Ids]) -> None:
    sent = [await watched.statements_for(row, ids) for ids in kinds]
    queries = [[query for query, _ in statements] for statements in sent]
    assert queries[0], f"{row} asked nothing"
    assert queries == [queries[0]] * len(kinds), row
    work = [await watched.work_of(statements) for statements in sent]
    assert work == [work[0]] * len(kinds), row
