"""Whether a database can serve: each thing that a send needs is taken away in turn."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from tests.integration.adapters.chatcore_postgres.roles import new_role
from tests.integration.new_database import new_database
from tests.integration.postgres_server import PostgresServer

from chatcore.conversations.listing import PageRequest
from chatcore.errors import StorageNotReadyError, StorageUnavailableError
from chatcore.testing.samples import a_conversation, a_turn
from chatcore.testing.storage.steps import create
from chatcore_postgres import PostgresStorage, migrate

_COLUMNS = """
select table_name, column_name from information_schema.columns
where table_schema = 'public' and table_name <> 'schema_migrations'
"""
_SCHEMA = Path("sql/schema.sql").read_bytes()
_GRANT_ALL = "grant select, insert, update, delete on all tables in schema public to {}"
_MIGRATE = "run `chatcore migrate`"


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[PostgresStorage]:
    async with PostgresStorage(database_url) as storage:
        yield storage


async def test_a_migrated_database_can_serve(storage: PostgresStorage) -> None:
    await storage.ping()


async def test_a_database_that_was_never_migrated_says_what_to_run(blank_database_url: str) -> None:
    async with PostgresStorage(blank_database_url) as storage:
        for call in (storage.ping(), create(storage)):
            with pytest.raises(StorageNotReadyError, match=_MIGRATE):
                await call


async def test_a_schema_that_does_not_exist_says_what_to_run(database_url: str) -> None:
    async with PostgresStorage(database_url, schema="elsewhere") as storage:
        with pytest.raises(StorageNotReadyError, match=_MIGRATE):
            await storage.ping()


async def test_tables_of_another_program_need_another_schema(blank_database_url: str) -> None:
    await _execute(blank_database_url, "create table conversations (id uuid, title text)")
    async with PostgresStorage(blank_database_url) as storage:
        with pytest.raises(StorageNotReadyError, match="set DATABASE_SCHEMA to another schema"):
            await storage.ping()


async def test_a_missing_migration_is_told_from_a_change_to_the_tables(blank_database_url: str) -> None:
    await migrate(blank_database_url)
    await _execute(blank_database_url, "alter table messages rename column content to body")
    async with PostgresStorage(blank_database_url) as storage:
        with pytest.raises(StorageNotReadyError, match=r"All migrations are applied, but .* undo that change"):
            await storage.ping()
        await _execute(
            blank_database_url, "delete from schema_migrations where name = (select max(name) from schema_migrations)"
        )
        with pytest.raises(StorageNotReadyError, match=_MIGRATE):
            await storage.ping()


async def test_a_role_that_may_not_read_the_migrations_is_told_to_migrate(
    postgres: PostgresServer, blank_database_url: str
) -> None:
    await migrate(blank_database_url)
    await _execute(blank_database_url, "alter table messages rename column content to body")
    with new_role(postgres) as role:
        async with PostgresStorage(make_conninfo(blank_database_url, options=f"-c role={role}")) as storage:
            with pytest.raises(StorageNotReadyError, match=_MIGRATE):
                await storage.ping()


async def test_an_encoding_is_named_before_missing_tables(postgres: PostgresServer) -> None:
    with new_database(postgres, encoding="SQL_ASCII") as name:
        async with PostgresStorage(postgres.database_url(name)) as storage:
            with pytest.raises(StorageNotReadyError, match=r"encoding SQL_ASCII.*createdb --encoding UTF8"):
                await storage.ping()


async def test_every_column_is_needed(storage: PostgresStorage, database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as admin:
        columns = await (await admin.execute(_COLUMNS)).fetchall()
        for table, column in columns:
            rename = sql.SQL("alter table {} rename column {} to {}")
            names = sql.Identifier(table), sql.Identifier(column), sql.Identifier("renamed")
            await admin.execute(rename.format(*names))
            with pytest.raises(StorageNotReadyError, match="undo that change"):
                await storage.ping()
            await admin.execute(rename.format(names[0], names[2], names[1]))
    assert columns
    await storage.ping()


async def test_a_table_of_another_program_is_no_mistake_of_this_one(database_url: str) -> None:
    await _execute(database_url, "drop table conversations cascade")
    await _execute(
        database_url, "create table conversations (id uuid, user_id uuid, title text, created_at timestamptz)"
    )
    async with PostgresStorage(database_url) as storage:
        with pytest.raises(StorageNotReadyError, match=_MIGRATE):
            await storage.list_conversations("alice", PageRequest())


@pytest.mark.parametrize(
    "revoked", ["insert on messages", "delete on conversations", "update on generations", "select on deltas"]
)
async def test_every_privilege_is_needed(postgres: PostgresServer, database_url: str, revoked: LiteralString) -> None:
    with new_role(postgres) as role:
        await _execute(database_url, sql.SQL(_GRANT_ALL).format(sql.Identifier(role)))
        async with PostgresStorage(make_conninfo(database_url, options=f"-c role={role}")) as storage:
            await storage.ping()
            await _execute(database_url, sql.SQL("revoke " + revoked + " from {}").format(sql.Identifier(role)))
            with pytest.raises(StorageNotReadyError, match="grant it SELECT, INSERT, UPDATE and DELETE"):
                await storage.ping()
        await _execute(database_url, sql.SQL("drop owned by {}").format(sql.Identifier(role)))


async def test_a_refused_privilege_is_no_mistake_of_this_program(postgres: PostgresServer, database_url: str) -> None:
    with new_role(postgres) as role:
        async with PostgresStorage(make_conninfo(database_url, options=f"-c role={role}")) as storage:
            with pytest.raises(StorageNotReadyError, match="grant it"):
                await storage.begin_turn(a_turn(a_conversation()))


async def test_row_level_security_would_hide_conversations(postgres: PostgresServer, database_url: str) -> None:
    with new_role(postgres) as role:
        await _execute(database_url, sql.SQL(_GRANT_ALL).format(sql.Identifier(role)))
        await _execute(database_url, "alter table messages enable row level security")
        async with PostgresStorage(make_conninfo(database_url, options=f"-c role={role}")) as storage:
            with pytest.raises(StorageNotReadyError, match="Row level security"):
                await storage.ping()
        async with PostgresStorage(database_url) as storage_of_owner:
            await storage_of_owner.ping()
        await _execute(database_url, sql.SQL("drop owned by {}").format(sql.Identifier(role)))


async def test_a_database_that_takes_no_writes_is_not_ready(database_url: str) -> None:
    async with PostgresStorage(make_conninfo(database_url, options="-c default_transaction_read_only=on")) as storage:
        with pytest.raises(StorageUnavailableError, match="takes no writes"):
            await storage.ping()
        assert (await storage.list_conversations("alice", PageRequest())).conversations == ()


async def test_another_encoding_than_utf_8_is_not_ready(postgres: PostgresServer) -> None:
    with new_database(postgres, encoding="SQL_ASCII") as name:
        await _execute(postgres.database_url(name), _SCHEMA)
        async with PostgresStorage(postgres.database_url(name)) as storage:
            with pytest.raises(StorageNotReadyError, match="encoding SQL_ASCII"):
                await storage.ping()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
async def test_text_is_stored_as_it_is_whatever_encoding_the_environment_names(
    database_url: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", encoding)
    async with PostgresStorage(database_url) as storage:
        conversation = await create(storage)
        await storage.begin_turn(a_turn(conversation, "日本語 é 😀"))

    async with await psycopg.AsyncConnection.connect(database_url, client_encoding="UTF8") as admin:
        cursor = await admin.execute("select convert_to(content, 'UTF8') from messages where role = 'user'")
        assert await cursor.fetchall() == [("日本語 é 😀".encode(),)]


async def _execute(url: str, statement: LiteralString | bytes | sql.Composed) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(statement)
