"""What a migration refuses before it changes anything: other people's tables, missing privileges, other encodings."""

from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from tests.integration.adapters.chatcore_postgres.roles import new_role
from tests.integration.new_database import new_database
from tests.integration.postgres_server import PostgresServer

from chatcore_postgres import MigrationError, PostgresStorage, migrate

_RELATIONS = """
select relnamespace::regnamespace::text, relname::text from pg_class
where relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'pg_toast') order by 1, 2
"""
_OF_ANOTHER_SERVICE = """
create table conversations (id uuid primary key, user_id uuid, title text);
create table messages (id uuid primary key, conversation_id uuid references conversations, role text, content text);
insert into conversations values ('00000000-0000-0000-0000-000000000001')
"""
_LEFT_BEHIND = """
create table schema_migrations (name text primary key, checksum text, applied_at timestamptz);
create table deltas (id int)
"""


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (_OF_ANOTHER_SERVICE, "conversations, messages"),
        ("create view messages as select 1 as id", "messages"),
        ("create table schema_migrations (version text primary key)", "schema_migrations"),
        # An earlier version left this table behind when its first file failed.
        (_LEFT_BEHIND, "deltas"),
    ],
)
async def test_tables_of_another_program_are_left_alone(
    blank_database_url: str, statements: LiteralString, found: str
) -> None:
    _execute(blank_database_url, statements)
    before = _relations(blank_database_url)

    with pytest.raises(MigrationError) as refused:
        await migrate(blank_database_url)

    assert str(refused.value) == (
        f'The schema "public" has tables that chatcore did not create ({found}): set DATABASE_SCHEMA to another '
        "schema, such as chatcore, and bring over what should be kept with `chatcore import samosachaat`."
    )
    assert _relations(blank_database_url) == before


async def test_beside_another_program_there_is_room_in_a_schema_of_its_own(blank_database_url: str) -> None:
    _execute(blank_database_url, _OF_ANOTHER_SERVICE)
    before = _relations(blank_database_url)

    await migrate(blank_database_url, schema='Chat "core"')
    assert await migrate(blank_database_url, schema='Chat "core"') == []

    after = _relations(blank_database_url)
    assert [relation for relation in after if relation[0] == "public"] == before
    assert ('"Chat ""core"""', "schema_migrations") in after
    async with PostgresStorage(blank_database_url, schema='Chat "core"') as storage:
        await storage.ping()


async def test_a_role_that_may_not_create_tables_is_told_what_it_lacks(
    postgres: PostgresServer, blank_database_url: str
) -> None:
    _execute(blank_database_url, "revoke create on schema public from public")
    with new_role(postgres) as role:
        with pytest.raises(MigrationError) as refused:
            await migrate(make_conninfo(blank_database_url, options=f"-c role={role}"))

        assert str(refused.value) == (
            f'The role "{role}" may not create tables in the schema "public": grant it USAGE and CREATE on the schema, '
            "or set DATABASE_SCHEMA to a schema in which it may."
        )
        with pytest.raises(MigrationError) as refused:
            await migrate(make_conninfo(blank_database_url, options=f"-c role={role}"), schema="chat")

        assert str(refused.value).startswith(
            f'The schema "chat" does not exist, and the role "{role}" may not create it'
        )
    assert _relations(blank_database_url) == []


async def test_a_search_path_without_the_schema_does_not_matter(blank_database_url: str) -> None:
    url = make_conninfo(blank_database_url, options="-c search_path=")

    await migrate(url)

    async with PostgresStorage(url) as storage:
        await storage.ping()


async def test_a_schema_may_exist_already_without_the_right_to_create_schemas(
    postgres: PostgresServer, blank_database_url: str
) -> None:
    with new_role(postgres) as role:
        _execute(blank_database_url, sql.SQL("create schema chat authorization {}").format(sql.Identifier(role)))
        url = make_conninfo(blank_database_url, options=f"-c role={role}")

        await migrate(url, schema="chat")

        async with PostgresStorage(url, schema="chat") as storage:
            await storage.ping()
        _execute(blank_database_url, "drop schema chat cascade")


async def test_another_encoding_than_utf_8_is_refused(postgres: PostgresServer) -> None:
    with new_database(postgres, encoding="SQL_ASCII") as name:
        with pytest.raises(MigrationError) as refused:
            await migrate(postgres.database_url(name))

        assert str(refused.value) == (
            f'The database "{name}" has the encoding SQL_ASCII, but chatcore needs UTF8: create another database, with '
            "`createdb --encoding UTF8 --template template0`."
        )
        assert _relations(postgres.database_url(name)) == []


def _execute(url: str, statement: LiteralString | sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _relations(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(_RELATIONS).fetchall()
