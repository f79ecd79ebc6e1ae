"""Explains every statement that a connection executes, with the same values, before it is executed.

EXPLAIN of a statement with values is always planned for those values. What a prepared statement comes to after a few
executions, a plan for any values, shows only where a prepared statement is explained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString, cast

from psycopg import AsyncRawCursor, sql
from psycopg.abc import Params, Query

from chatcore_postgres.driver.database import Connection, Parameters, Row, fetch_on
from tests.integration.plans.plan import Kind, Plan

_MODES = {Kind.GENERIC: "force_generic_plan", Kind.CUSTOM: "force_custom_plan"}
_TYPES = "select parameter_types::text[] from pg_prepared_statements where statement = $1 order by prepare_time desc"
_EXPLAIN = sql.SQL("explain (analyze, buffers, timing off, format json) execute explained{}")


def explain_all(connection: Connection, plans: list[Plan]) -> None:
    """Makes the connection add the plans of each statement to `plans` before it executes the statement.

    A statement that is never prepared, because it is planned anew each time, has no generic plan.
    """

    class ExplainingCursor(AsyncRawCursor[Row]):
        async def execute(
            self, query: Query, params: Params | None = None, *, prepare: bool | None = None, binary: bool | None = None
        ) -> ExplainingCursor:
            # The types that the storage sends, of those that psycopg accepts.
            sent, values = cast("bytes", query), cast("Sequence[object]", params)
            statement = sent.decode()
            types = await _types(connection, statement, values)
            kinds = (Kind.CUSTOM,) if prepare is False else Kind
            plans.extend([await _explain(connection, statement, types, values, kind) for kind in kinds])
            await super().execute(sent, values, prepare=prepare, binary=binary)
            return self

    connection.cursor_factory = ExplainingCursor


async def explain(connection: Connection, query: LiteralString, parameters: Parameters, kind: Kind) -> Plan:
    """Returns the plan of one statement, which is executed and rolled back."""
    plans: list[Plan] = []
    explain_all(connection, plans)
    try:
        async with connection.transaction(force_rollback=True):
            await fetch_on(connection, query, parameters)
    finally:
        connection.cursor_factory = AsyncRawCursor
    return next(plan for plan in plans if plan.kind is kind)


async def _types(connection: Connection, statement: str, values: Sequence[object]) -> Sequence[str]:
    """Returns the types of the parameters as the server infers them when the storage sends them."""
    cursor = AsyncRawCursor[Any](connection)
    async with connection.transaction(force_rollback=True):
        await cursor.execute(statement.encode(), values, prepare=True)
        await cursor.execute(_TYPES, [statement])
        ((types,), *_) = await cursor.fetchall()
        return cast("Sequence[str]", types)


async def _explain(
    connection: Connection, statement: str, types: Sequence[str], values: Sequence[object], kind: Kind
) -> Plan:
    """Executes a statement with EXPLAIN and rolls it back."""
    cursor = AsyncRawCursor[Any](connection)
    typed = f"({', '.join(types)})" if types else ""
    given = sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, values))) if values else sql.SQL("")
    async with connection.transaction(force_rollback=True):
        await cursor.execute(f"set local plan_cache_mode = {_MODES[kind]}".encode())
        await cursor.execute(f"prepare explained{typed} as {statement}".encode())
        await cursor.execute(_EXPLAIN.format(given))
        ((documents,),) = await cursor.fetchall()
        await cursor.execute(b"deallocate explained")
    return Plan(statement, kind, documents[0]["Plan"])
