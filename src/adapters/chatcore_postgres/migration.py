"""Migrates the schema of a database, with plain SQL files and forward only."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import structlog
from attrs import frozen

from chatcore.errors import StorageUnavailableError
from chatcore_postgres.driver.conninfo import normalized
from chatcore_postgres.driver.failures import Failure, classify
from chatcore_postgres.driver.statement import quoted
from chatcore_postgres.schema_survey import MigrationError, Survey, survey

_Connection = psycopg.AsyncConnection[Any]

_NO_TRANSACTION = b"-- no-transaction"

# This may be any number that no other program uses for an advisory lock in the same database.
_LOCK = 0x63686174636F7265
_LOCK_POLL_SECONDS = 0.2
_LOCK_TIMEOUT_SECONDS = 300.0

_CREATE_TABLE = """
create table schema_migrations (
    name       text        not null,
    checksum   text        not null,
    applied_at timestamptz not null default now(),
    constraint schema_migrations_pkey primary key (name)
)
"""
_READ_APPLIED = "select name, checksum from schema_migrations"
_RECORD = "insert into schema_migrations (name, checksum) values (%(name)s, %(checksum)s)"
# The files name no schema.
_SET_SCHEMA = "select set_config('search_path', %(path)s, false)"
_TRY_LOCK = "select pg_try_advisory_lock(%(lock)s)"
# The limit is not set for files outside a transaction: building an index concurrently has to wait, and blocks no
# session.
_LIMIT_LOCK_WAITS = "set local lock_timeout = '5s'"

_log = structlog.get_logger("chatcore_postgres")


@frozen
class Migration:
    """A migration file."""

    name: str
    sql: bytes

    @property
    def checksum(self) -> str:
        """Returns the SHA-256 digest of the file, in hexadecimal."""
        return hashlib.sha256(self.sql).hexdigest()

    @property
    def is_transactional(self) -> bool:
        """Returns whether the file runs in a transaction, as it does unless its first line says otherwise."""
        return not self.sql.startswith(_NO_TRANSACTION)


async def migrate(conninfo: str, directory: Path | None = None, *, schema: str = "public") -> list[str]:
    """Applies the missing migrations in the order of their names. Of several processes that call it, one does the work.

    Args:
        conninfo: the connection string, as for :class:`chatcore_postgres.PostgresStorage`, but without PgBouncer in
            between, because a lock is held for the session.
        directory: the folder of the `*.sql` files; None for the migrations of this version.
        schema: the schema of the tables, which is created if it does not exist.

    Returns:
        The names of the files that were applied, in order.

    Raises:
        MigrationError: the database cannot take the tables (it has tables of another program, another encoding than
            UTF-8, or grants too little), and was not changed. Or a file failed, or was edited after it was applied. A
            file that failed leaves nothing behind, unless it runs outside a transaction: such a file may leave an index
            that is not valid.
        StorageUnavailableError: the database is unreachable, or another migration holds the lock for minutes.
    """
    migrations = _read_migrations(directory or _own_directory())
    with _translated():
        async with await _Connection.connect(normalized(conninfo), autocommit=True) as connection:
            await connection.execute(_SET_SCHEMA, {"path": quoted(schema)})
            await _lock(connection)
            found = await survey(connection, schema)
            found.require_encoding()
            applied = await _applied(connection, found)
            pending = _pending(migrations, applied)
            if not applied:
                found.require_no_foreign_tables()
            if pending:
                found.require_privileges()
            for migration in pending:
                await _apply(connection, migration, found if migration is migrations[0] else None)
            return [migration.name for migration in pending]


async def _applied(connection: _Connection, found: Survey) -> Mapping[str, str]:
    """Returns the checksums of the applied migrations by their names."""
    if not found.has_own_history:
        return {}
    cursor = await connection.execute(_READ_APPLIED)
    return dict(await cursor.fetchall())


def _read_migrations(directory: Path) -> list[Migration]:
    """Returns the migrations in a folder, in order.

    Raises:
        MigrationError: the folder has no migrations.
    """
    found = [Migration(path.name, path.read_bytes()) for path in sorted(directory.glob("*.sql"))]
    if not found:
        raise MigrationError(f"There are no migrations in {directory}.")
    return found


def own_migration_names() -> frozenset[str]:
    """Returns the names of the migrations of this version."""
    return frozenset(migration.name for migration in _read_migrations(_own_directory()))


def _own_directory() -> Path:
    packaged = Path(str(files("chatcore_postgres"))) / "migrations"
    if packaged.is_dir():
        return packaged
    # In an editable install the files are in the source tree.
    return Path(__file__).resolve().parents[3] / "sql" / "migrations"


async def _lock(connection: _Connection) -> None:
    # The loop polls for the lock. A session that waits in the server holds a snapshot, and the session with the lock
    # may be waiting for all snapshots to end (create index concurrently).
    try:
        async with asyncio.timeout(_LOCK_TIMEOUT_SECONDS):
            while not await _try_lock(connection):  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(_LOCK_POLL_SECONDS)
    except TimeoutError as error:
        raise StorageUnavailableError("Another migration is still running.") from error


async def _try_lock(connection: _Connection) -> bool:
    cursor = await connection.execute(_TRY_LOCK, {"lock": _LOCK})
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


def _pending(migrations: list[Migration], applied: Mapping[str, str]) -> list[Migration]:
    for migration in migrations:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationError(f"{migration.name} was edited after it was applied. Undo that and add a new file.")
    unknown = sorted(applied.keys() - {migration.name for migration in migrations})
    if unknown:
        # This is no error: during a rolling deployment the old version still runs, with the new schema.
        _log.warning("migrations_unknown", names=unknown)
    return [migration for migration in migrations if migration.name not in applied]


async def _apply(connection: _Connection, migration: Migration, found: Survey | None) -> None:
    """Applies one file; the first one also creates what records it, in the same transaction."""
    try:
        async with _transaction(connection, migration):
            if found is not None:
                await _create_history(connection, found)
            # The bytes are sent without parameters, so that percent signs stay, and the server itself separates the
            # statements.
            await connection.execute(migration.sql)
            await connection.execute(_RECORD, {"name": migration.name, "checksum": migration.checksum})
    except psycopg.Error as error:
        if classify(error) is Failure.BROKEN:
            raise
        raise MigrationError(f"{migration.name} failed: {error}") from error
    _log.info("migration_applied", name=migration.name)


@asynccontextmanager
async def _transaction(connection: _Connection, migration: Migration) -> AsyncGenerator[None]:
    """Wraps a file in a transaction that waits only briefly for locks, unless the file runs outside a transaction."""
    if not migration.is_transactional:
        yield
        return
    async with connection.transaction():
        await connection.execute(_LIMIT_LOCK_WAITS)
        yield


async def _create_history(connection: _Connection, found: Survey) -> None:
    if not found.has_schema:
        await connection.execute(f"create schema {quoted(found.schema)}".encode())
    if not found.has_history:
        await connection.execute(_CREATE_TABLE)


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        if classify(error) in {Failure.BROKEN, Failure.AWAY, Failure.READ_ONLY}:
            raise StorageUnavailableError(f"The database cannot be migrated now: {reason}") from error
        raise MigrationError(f"The database refused the migration: {reason}") from error
