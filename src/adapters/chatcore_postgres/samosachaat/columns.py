"""Finds the columns of the source's tables, and builds the SQL expressions that read them.

The tables differ between deployments: a column may be missing, nullable, or of a similar type. An expression is null
for a value that cannot be used, so that one bad row does not end the import.
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from psycopg import AsyncConnection, sql

from chatcore_postgres.samosachaat.failure import ImportFailedError

_REQUIRED = {"conversations": ("id", "user_id"), "messages": ("id", "conversation_id", "role", "content")}
# Only our own table has this column.
_OWN_COLUMN = "next_position"

_TEXTS = ("text", "character varying", "character")
_INSTANTS = ("timestamp with time zone", "timestamp without time zone", "date")
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")
_UUID_PATTERN = r"^[{]?[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}[}]?$"
_MAX_INTEGER = 2**31 - 1

_COLUMNS = b"""
select attname, format_type(atttypid, null), has_column_privilege(attrelid, attnum, 'SELECT'),
    exists (
        select from pg_index
        where indrelid = attrelid and indisunique and indnkeyatts = 1 and indkey[0] = attnum and indpred is null
    )
from pg_attribute join pg_class on pg_class.oid = attrelid join pg_namespace on pg_namespace.oid = relnamespace
where nspname = $1 and relname = $2 and relkind in ('r', 'p', 'v', 'm', 'f') and attnum > 0 and not attisdropped
"""


@frozen
class SourceTable:
    """Describes a table of the source, with the type of each column."""

    name: sql.Identifier
    types: Mapping[str, str]
    #: Whether the server guarantees that no two rows have the same id.
    has_unique_ids: bool

    def uuid(self, column: str) -> sql.Composable:
        """Returns the column as uuid; null where the value is no UUID."""
        if self._type(column) == "uuid":
            return sql.Identifier(column)
        return sql.SQL("case when {0}::text ~ {1} then {0}::text::uuid end").format(
            sql.Identifier(column), _UUID_PATTERN
        )

    def text(self, column: str, max_chars: int) -> sql.Composable:
        """Returns the beginning of the column as text."""
        if column not in self.types:
            return sql.SQL("null::text")
        return sql.SQL("left({}::text, {})").format(sql.Identifier(column), max_chars)

    def content(self, column: str, max_bytes: int) -> sql.Composable:
        """Returns the column as text; null where the value is larger."""
        return sql.SQL("case when octet_length({0}::text) <= {1} then {0}::text end").format(
            sql.Identifier(column), max_bytes
        )

    def size(self, column: str) -> sql.Composable:
        """Returns the size of the column in bytes."""
        return sql.SQL("octet_length({}::text)").format(sql.Identifier(column))

    def instant(self, column: str) -> sql.Composable:
        """Returns the column as timestamptz; null where the value is outside the range of Python's datetime."""
        if self._type(column, *_INSTANTS) is None:
            return sql.SQL("null::timestamptz")
        return sql.SQL(
            "case when {0}::timestamptz between '0001-01-02 00:00+00' and '9999-12-30 00:00+00' "
            "then {0}::timestamptz end"
        ).format(sql.Identifier(column))

    def count(self, column: str) -> sql.Composable:
        """Returns the column as an integer of at least 0; null where the value is no such number."""
        if self._type(column, *_NUMBERS) is None:
            return sql.SQL("null::integer")
        return sql.SQL("case when {0} >= 0 and {0} <= {1} then {0}::integer end").format(
            sql.Identifier(column), _MAX_INTEGER
        )

    def flag(self, column: str) -> sql.Composable:
        """Returns the column as boolean, false where it is null."""
        if column not in self.types:
            return sql.SQL("false")
        return sql.SQL("coalesce(lower({}::text) in ('true', 't', 'yes', '1'), false)").format(sql.Identifier(column))

    def _type(self, column: str, *accepted: str) -> str | None:
        found = self.types.get(column)
        if found is not None and accepted and found not in accepted:
            raise ImportFailedError(f"The column {column} of the source has the type {found}, which is not supported.")
        return found


async def find_table(connection: AsyncConnection[Any], schema: str, table: str) -> SourceTable:
    """Returns a table of the source.

    Raises:
        ImportFailedError: the table does not exist, is one of ours, lacks a required column, or may not be read.
    """
    cursor = await connection.execute(_COLUMNS, [schema, table])
    rows = await cursor.fetchall()
    if not rows:
        raise ImportFailedError(f'The source has no table "{table}" in the schema "{schema}".')
    types = {name: type_ for name, type_, _, _ in rows}
    if _OWN_COLUMN in types:
        raise ImportFailedError(f'The tables in the schema "{schema}" of the source are those of chatcore itself.')
    for name in _REQUIRED[table]:
        if name not in types:
            raise ImportFailedError(f'The table "{table}" of the source has no column "{name}".')
    unreadable = [name for name, _, is_readable, _ in rows if not is_readable]
    if unreadable:
        raise ImportFailedError(f'The source does not let this user read the column "{unreadable[0]}" of "{table}".')
    return SourceTable(
        sql.Identifier(schema, table), types, any(name == "id" and is_unique for name, _, _, is_unique in rows)
    )
