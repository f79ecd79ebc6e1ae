"""`chatcore import samosachaat`, as an operator runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from attrs import frozen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.integration.adapters.chatcore_postgres.roles import new_visitor
from tests.integration.adapters.chatcore_postgres.samosachaat.chat_page import chat_page
from tests.integration.adapters.chatcore_postgres.samosachaat.old_service import ALICE, SCHEMA, OldService, old_service
from tests.integration.free_port import free_port
from tests.integration.new_database import new_database
from tests.integration.postgres_server import PostgresServer

_SECRET = "s3cret"
# Prints the most memory that the command needed, in KiB, after its report.
_MEASURED = """
import resource, sys
from chatcore_service.cli import main
status = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(status)
"""
_MANY = """
insert into conversations select ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid, '{user}'
    from generate_series(1, 2000) as i;
insert into messages (id, conversation_id, role, content)
    select ('11111111-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid,
        '00000000-0000-0000-0000-000000000001', 'assistant', repeat('sixteen letters ', 500)
    from generate_series(1, 20000) as i;
"""
_MANY_BYTES = 20_000 * 8_000


@frozen
class Ended:
    """How the command ended."""

    status: int
    output: list[str]
    errors: list[str]


def command(database_url: str, *options: str, program: tuple[str, ...] = ("-m", "chatcore_service")) -> Ended:
    """Runs the command; returns how it ended."""
    ended = subprocess.run(
        [sys.executable, *program, "import", "samosachaat", *options],
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout.splitlines(), ended.stderr.splitlines())


@pytest.fixture
def source_url(postgres: PostgresServer) -> Iterator[str]:
    """Provides the address of a database of its own for the old service."""
    with new_database(postgres) as name:
        yield postgres.database_url(name)


@pytest.fixture
def old(source_url: str) -> Iterator[OldService]:
    with old_service(source_url) as service:
        yield service


def test_it_imports_from_another_database_and_reports(database_url: str, source_url: str, old: OldService) -> None:
    for number in range(1, 4):
        talk = old.talk(number)
        old.say(talk, number)
    old.say(old.talk(4), 4, "tool")
    options = ("--from", source_url, "--from-schema", SCHEMA)

    dry = command(database_url, *options, "--dry-run")
    first = command(database_url, *options)
    second = command(database_url, *options)

    skipped = "  1 skipped because the role is not user, assistant or system (for example 00000000-0000-0004-"
    assert (dry.status, first.status, second.status) == (0, 0, 0)
    assert dry.output[0] == "conversations: 4 read, 4 would be added, 0 there already, 0 skipped"
    assert first.output[:2] == [
        "conversations: 4 read, 4 added, 0 there already, 0 skipped",
        "messages: 4 read, 3 added, 0 there already, 1 skipped",
    ]
    assert second.output[:2] == [
        "conversations: 4 read, 0 added, 4 there already, 0 skipped",
        "messages: 4 read, 0 added, 3 there already, 1 skipped",
    ]
    assert [len(ended.output) for ended in (dry, first, second)] == [4, 3, 3]
    assert all(ended.output[2].startswith(skipped) for ended in (dry, first, second))
    assert first.errors == [f"{done} of 8 rows" for done in range(1, 9)]


async def test_it_imports_from_another_schema_of_the_same_database(database_url: str) -> None:
    with old_service(database_url) as old:
        talk = old.talk(1)
        old.say(talk, 1)

        ended = command(database_url, "--from-schema", SCHEMA)

    assert (ended.status, ended.output[1]) == (0, "messages: 1 read, 1 added, 0 there already, 0 skipped")
    async with chat_page(database_url) as page:
        assert await page.contents(ALICE, talk) == ["message 1"]


def test_an_address_of_sqlalchemy_is_accepted(database_url: str, source_url: str, old: OldService) -> None:
    old.talk(1)
    source = source_url.replace("postgresql://", "postgresql+asyncpg://")

    assert command(database_url, "--from", source, "--from-schema", SCHEMA).status == 0


def test_its_memory_does_not_grow_with_the_database(database_url: str, source_url: str, old: OldService) -> None:
    options = ("--from", source_url, "--from-schema", SCHEMA)
    old.say(old.talk(10**6), 1)
    small = command(database_url, *options, program=("-c", _MEASURED))
    old.execute(_MANY.replace("{user}", str(ALICE)))

    large = command(database_url, *options, program=("-c", _MEASURED))

    assert large.output[1] == "messages: 20001 read, 20000 added, 1 there already, 0 skipped"
    growth = 1024 * (int(large.output[-1]) - int(small.output[-1]))
    assert growth < _MANY_BYTES / 4


class TestFailures:
    def test_a_source_that_does_not_listen(self, database_url: str) -> None:
        url = f"postgresql://chat:{_SECRET}@127.0.0.1:{free_port()}/old"

        _require(command(database_url, "--from", url), "The source database failed: Connection refused.")

    def test_a_source_whose_password_has_a_raw_at_sign(self, database_url: str) -> None:
        url = f"postgresql://chat:{_SECRET}@{_SECRET}@127.0.0.1/old"

        ended = command(database_url, "--from", url)

        assert (ended.status, ended.output, len(ended.errors)) == (1, [], 1)
        assert _SECRET not in ended.errors[0]

    def test_a_source_that_does_not_exist(self, database_url: str) -> None:
        url = make_conninfo(database_url, dbname="nowhere")

        _require(command(database_url, "--from", url), 'The source database failed: database "nowhere" does not exist.')

    def test_a_source_address_that_is_none(self, database_url: str) -> None:
        ended = command(database_url, "--from", f"postgres//chat:{_SECRET}@db/old")

        _require(ended, "DATABASE_URL and --from must be PostgreSQL connection strings.")

    def test_a_source_without_the_tables(self, database_url: str, source_url: str) -> None:
        ended = command(database_url, "--from", source_url)

        _require(ended, 'The source has no table "conversations" in the schema "public".')

    def test_our_own_database_as_the_source(self, database_url: str) -> None:
        _require(command(database_url), 'The tables in the schema "public" of the source are those of chatcore itself.')

    def test_a_database_that_was_never_migrated(self, blank_database_url: str) -> None:
        with old_service(blank_database_url):
            ended = command(blank_database_url, "--from-schema", SCHEMA)

        _require(ended, "The database lacks tables of this version; run chatcore migrate first.")

    def test_a_database_that_may_not_be_written(self, database_url: str) -> None:
        with old_service(database_url) as old, new_visitor(database_url) as visitor:
            old.talk(1)
            for schema in ("public", SCHEMA):
                old.connection.execute(f"grant usage on schema {schema} to {visitor.name}".encode())
                old.connection.execute(f"grant select on all tables in schema {schema} to {visitor.name}".encode())
            # The same statement writes to this table, and versions of PostgreSQL differ in which one they check first.
            old.connection.execute(f"grant insert on search_queue to {visitor.name}".encode())
            dry = command(visitor.database_url, "--from-schema", SCHEMA, "--dry-run")
            ended = command(visitor.database_url, "--from-schema", SCHEMA)

        assert dry.status == 0
        _require(ended, "The database failed: permission denied for table conversations.")

    def test_a_source_whose_text_has_no_known_encoding(self, database_url: str, postgres_url: str) -> None:
        name = f"{conninfo_to_dict(database_url)['dbname']}_ascii"
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            options = "encoding 'SQL_ASCII' locale 'C' template template0"
            connection.execute(f"create database {name} {options}".encode())
            try:
                url = make_conninfo(database_url, dbname=name)
                ended = command(database_url, "--from", url)
            finally:
                connection.execute(f"drop database {name} with (force)".encode())

        _require(ended, "The source database has the encoding SQL_ASCII, so its text cannot be read.")


def _require(ended: Ended, sentence: str) -> None:
    assert (ended.status, ended.output) == (1, [])
    assert ended.errors[-1:] == [sentence]
    assert not any("Traceback" in line for line in ended.errors)
