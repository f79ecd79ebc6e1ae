"""Says what an operator has to do about a database whose tables or columns are not those of this version."""

from chatcore_postgres.driver.arrays import Texts
from chatcore_postgres.driver.database import Connection, fetch_on
from chatcore_postgres.driver.statement import TABLES, quoted
from chatcore_postgres.migration import own_migration_names

# The catalogue can be read without any grant on the tables.
_FIND_TABLES = """
select
    exists (
        select 1 from pg_catalog.pg_class
        where relnamespace = to_regnamespace(%(schema)s) and relname::text = any(%(tables)s::text[])
    ),
    2 = (
        select count(*) from pg_catalog.pg_attribute
        where attrelid = to_regclass(%(history)s) and attname in ('name', 'checksum')
    ),
    coalesce(has_table_privilege(to_regclass(%(history)s), 'SELECT'), false)
"""


async def advice(connection: Connection) -> str | None:
    """Returns a sentence with the cause and the remedy, or None if the database only lacks migrations."""
    schema = quoted(connection.schema)
    history = f"{schema}.schema_migrations"
    parameters = {"schema": schema, "history": history, "tables": Texts(TABLES)}
    ((has_tables, has_history, may_read),) = await fetch_on(connection, _FIND_TABLES, parameters)
    if has_tables and not has_history:
        return (
            f"The schema {schema} has tables that `chatcore migrate` did not create: set DATABASE_SCHEMA to another "
            "schema, such as chatcore, and run `chatcore migrate`."
        )
    if has_history and may_read and await _is_migrated(connection, history):
        return (
            f"All migrations are applied, but tables or columns of chatcore in the schema {schema} were renamed, "
            "changed or dropped since: undo that change."
        )
    return None


async def _is_migrated(connection: Connection, history: str) -> bool:
    statement = f"select name from {history}"  # noqa: S608 - the name is quoted
    cursor = await connection.execute(statement.encode())
    applied = {name for (name,) in await cursor.fetchall()}
    return applied.issuperset(own_migration_names())
