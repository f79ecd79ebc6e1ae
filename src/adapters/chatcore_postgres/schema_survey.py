"""Checks, before any change, whether a database can take the tables of this adapter.

Every refusal is one sentence that says what was found and what to do.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from attrs import frozen
from psycopg.rows import dict_row

from chatcore_postgres.driver.statement import TABLES, quoted

#: The only server encoding that holds every text of a conversation.
_ENCODING = "UTF8"

# `schema_migrations` is a common name; the columns tell the table of this adapter from others.
_SURVEY = """
select
    current_user as role,
    current_database() as database,
    current_setting('server_encoding') as encoding,
    n.oid is not null as has_schema,
    case when n.oid is null then has_database_privilege(current_database(), 'CREATE')
        else has_schema_privilege(n.oid, 'USAGE') and has_schema_privilege(n.oid, 'CREATE') end as may_create,
    array(
        select relname::text from pg_class where relnamespace = n.oid and relname = any(%(tables)s) order by relname
    ) as tables,
    exists (
        select from pg_class where relnamespace = n.oid and relname = 'schema_migrations'
    ) as has_history,
    2 = (
        select count(*) from pg_attribute join pg_class as c on c.oid = attrelid
        where c.relnamespace = n.oid and c.relname = 'schema_migrations' and attname in ('name', 'checksum')
    ) as has_own_history
from (select) as one left join pg_namespace as n on n.nspname = %(schema)s
"""


class MigrationError(Exception):
    """Reports that a migration was refused or failed; the message says why. Earlier files stay applied."""


@frozen
class Survey:
    """Holds the properties of a database on which a migration depends."""

    schema: str
    role: str
    database: str
    encoding: str
    has_schema: bool
    #: Whether the role may create the schema, or tables in the schema if there is one.
    may_create: bool
    #: The relations in the schema that have the names of tables of this adapter.
    tables: Sequence[str]
    has_history: bool
    #: Whether the table `schema_migrations` is one of this adapter.
    has_own_history: bool

    def require_encoding(self) -> None:
        """Checks the encoding of the database.

        Raises:
            MigrationError: the database has another encoding than UTF-8.
        """
        if self.encoding != _ENCODING:
            raise MigrationError(
                f"The database {quoted(self.database)} has the encoding {self.encoding}, but chatcore needs {_ENCODING}"
                f": create another database, with `createdb --encoding {_ENCODING} --template template0`."
            )

    def require_no_foreign_tables(self) -> None:
        """Checks that a schema without applied migrations has no tables in the way.

        Raises:
            MigrationError: the schema has tables of another program.
        """
        found = [*self.tables, *(["schema_migrations"] if self.has_history and not self.has_own_history else [])]
        if found:
            raise MigrationError(
                f"The schema {quoted(self.schema)} has tables that chatcore did not create ({', '.join(found)}): set "
                "DATABASE_SCHEMA to another schema, such as chatcore, and bring over what should be kept with "
                "`chatcore import samosachaat`."
            )

    def require_privileges(self) -> None:
        """Checks that the role may create what is missing.

        Raises:
            MigrationError: the role may not create the schema, or no tables in the schema.
        """
        if self.may_create:
            return
        role, schema = quoted(self.role), quoted(self.schema)
        if self.has_schema:
            raise MigrationError(
                f"The role {role} may not create tables in the schema {schema}: grant it USAGE and CREATE on the "
                "schema, or set DATABASE_SCHEMA to a schema in which it may."
            )
        raise MigrationError(
            f"The schema {schema} does not exist, and the role {role} may not create it: create the schema for the "
            f"role, or grant the role CREATE on the database {quoted(self.database)}."
        )


async def survey(connection: psycopg.AsyncConnection[Any], schema: str) -> Survey:
    """Returns what the database has, without changing anything."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SURVEY, {"schema": schema, "tables": list(TABLES)})
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - the query always gives one row
    return Survey(schema=schema, **row)
