"""What is in the database, to show that a request left it as it was."""

import psycopg
from psycopg import sql

_TABLES = (
    "select table_name from information_schema.columns"
    " where table_schema = 'public' and column_name = 'user_id' order by table_name"
)


async def rows_of(database_url: str, user_id: str) -> dict[str, list[tuple[object, ...]]]:
    """All rows that belong to a user, by table."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        tables = [name for (name,) in await (await connection.execute(_TABLES)).fetchall()]
        found: dict[str, list[tuple[object, ...]]] = {}
        for table in tables:
            statement = sql.SQL("select * from {} where user_id = %s order by 1, 2, 3").format(sql.Identifier(table))
            found[table] = await (await connection.execute(statement, [user_id])).fetchall()
    return found
