"""What is in the database, to show that a request left it as it was."""

import psycopg
from psycopg import sql

Rows = dict[str, list[tuple[object, ...]]]

# `open_streams` says what goes on and is not kept. The index for searches follows texts in the background, after the
# request that stored them.
_TABLES = """
select table_name from information_schema.columns
where table_schema = 'public' and column_name = 'user_id' and table_name <> 'open_streams'
    and not starts_with(table_name, 'search_')
order by table_name
"""


async def rows_of(database_url: str, user_id: str) -> Rows:
    """Returns all rows that belong to a user, by table."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        rows = await all_rows(connection)
    return {table: [row for row in found if user_id in row] for table, found in rows.items()}


async def all_rows(connection: psycopg.AsyncConnection) -> Rows:
    """Returns all rows that belong to anybody, by table."""
    tables = [name for (name,) in await (await connection.execute(_TABLES)).fetchall()]
    return {table: await _rows(connection, table) for table in tables}


async def _rows(connection: psycopg.AsyncConnection, table: str) -> list[tuple[object, ...]]:
    statement = sql.SQL("select * from {} order by 1, 2, 3").format(sql.Identifier(table))
    return await (await connection.execute(statement)).fetchall()
