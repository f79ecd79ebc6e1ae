"""Checks that the database can serve: that it has every table and column, takes writes and grants what is needed."""

from collections.abc import Mapping, Sequence
from typing import LiteralString

import psycopg

from chatcore.errors import StorageNotReadyError
from chatcore_postgres.driver.arrays import Texts
from chatcore_postgres.driver.database import Connection, Database, fetch_on
from chatcore_postgres.driver.failures import Failure, classify
from chatcore_postgres.driver.statement import quoted
from chatcore_postgres.rows import CONVERSATION_COLUMNS, STORED_MESSAGE_COLUMNS, listed
from chatcore_postgres.schema_advice import advice

# The columns of each table, by the name that the statement below gives the table.
_COLUMNS: Mapping[LiteralString, Sequence[LiteralString]] = {
    "c": ("user_id", *CONVERSATION_COLUMNS, "next_position", "changed_xid"),
    "m": ("user_id", "conversation_id", *STORED_MESSAGE_COLUMNS),
    "g": (
        *("user_id", "conversation_id", "message_id", "slot", "owner_id", "epoch", "lease_until", "stop_requested"),
        *("fallback_head_id", "started_at", "request", "begins_at", "number", "expired_leases", "restores"),
        "has_pieces",
    ),
    "d": ("user_id", "message_id", "start_offset", "text", "token_count"),
    "p": ("user_id", "message_id", "position", "text_offset", "kind", "body"),
    "k": (
        *("user_id", "key", "fingerprint", "conversation_id", "user_message_id", "reply_id", "created_at"),
        "begins_at",
    ),
    "s": ("user_id", "process_id", "streams", "valid_until"),
    "x": ("user_id", "id", "changed_xid", "deleted_at"),
    "q": ("user_id", "id", "conversation_id", "message_id", "claimed_until"),
    "t": ("user_id", "message_id", "conversation_id", "position", "text_bytes", "terms"),
    "n": ("user_id", "conversation_id", "title", "terms"),
}

_PRIVILEGES: Mapping[str, str] = {
    "conversations": "SELECT INSERT UPDATE DELETE",
    "messages": "SELECT INSERT UPDATE DELETE",
    "generations": "SELECT INSERT UPDATE DELETE",
    "deltas": "SELECT INSERT DELETE",
    "pieces": "SELECT INSERT DELETE",
    "idempotency_keys": "SELECT INSERT DELETE",
    "open_streams": "SELECT INSERT UPDATE DELETE",
    "deleted_conversations": "SELECT INSERT UPDATE DELETE",
    "search_queue": "SELECT INSERT UPDATE DELETE",
    "search_terms": "SELECT INSERT UPDATE",
    "search_titles": "SELECT INSERT UPDATE",
}
_GRANTS = [(table, privilege) for table, privileges in _PRIVILEGES.items() for privilege in privileges.split()]

# The statement reads no row, but cannot be planned unless every table and column exists.
PING = f"""
select {listed(f"{table}.{column}" for table, columns in _COLUMNS.items() for column in columns)}
from conversations as c join messages as m on m.user_id = c.user_id join generations as g on g.user_id = c.user_id
    join deltas as d on d.user_id = c.user_id join pieces as p on p.user_id = c.user_id
    join idempotency_keys as k on k.user_id = c.user_id
    join open_streams as s on s.user_id = c.user_id join deleted_conversations as x on x.user_id = c.user_id
    join search_queue as q on q.user_id = c.user_id join search_terms as t on t.user_id = c.user_id
    join search_titles as n on n.user_id = c.user_id
where false
"""  # noqa: S608 - the names are literals

# Row level security would hide rows without an error.
READ_SETUP = """
select current_setting('transaction_read_only')::boolean, current_setting('server_encoding'),
    bool_or(row_security_active(to_regclass(%(schema)s || '.' || name))),
    bool_and(has_table_privilege(to_regclass(%(schema)s || '.' || name), privilege))
from unnest(%(tables)s::text[], %(privileges)s::text[]) as needed (name, privilege)
"""


async def ping(database: Database) -> None:
    """Returns when the database can serve, as the port says."""
    await database.run(_check)


async def _check(connection: Connection) -> None:
    parameters = {
        "schema": quoted(connection.schema),
        "tables": Texts([table for table, _ in _GRANTS]),
        "privileges": Texts([privilege for _, privilege in _GRANTS]),
    }
    ((is_read_only, encoding, hides_rows, is_granted),) = await fetch_on(connection, READ_SETUP, parameters)
    if encoding != "UTF8":
        # This comes first, because no migration can be applied to such a database.
        raise StorageNotReadyError(
            f"The database has the encoding {encoding}, but chatcore needs UTF8: create another database, with "
            "`createdb --encoding UTF8 --template template0`."
        )
    await _require_tables(connection)
    if is_read_only:
        # A write would raise the same error.
        raise psycopg.errors.ReadOnlySqlTransaction
    if not is_granted:
        raise psycopg.errors.InsufficientPrivilege
    if hides_rows:
        raise StorageNotReadyError("Row level security hides rows from the database role: grant it BYPASSRLS.")


async def _require_tables(connection: Connection) -> None:
    try:
        await fetch_on(connection, PING, {})
    except psycopg.Error as error:
        if classify(error) is not Failure.NOT_READY or isinstance(error, psycopg.errors.InsufficientPrivilege):
            raise
        if sentence := await advice(connection):
            raise StorageNotReadyError(sentence) from error
        raise
