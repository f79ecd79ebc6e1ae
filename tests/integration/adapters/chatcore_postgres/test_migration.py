"""The migration runner, and the comparison of all migrations with `sql/schema.sql`."""

import asyncio
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from chatcore.errors import StorageUnavailableError
from chatcore_postgres import MigrationError, migrate

_OWN = sorted(path.name for path in Path("sql/migrations").glob("*.sql"))
_SCHEMA = Path("sql/schema.sql").read_bytes()

_COLUMNS = """
select table_name, column_name, data_type, is_nullable, column_default
from information_schema.columns
where table_schema = 'public' and table_name <> 'schema_migrations'
order by table_name, ordinal_position
"""
_CONSTRAINTS = """
select conrelid::regclass::text, conname, pg_get_constraintdef(oid)
from pg_constraint
where connamespace = 'public'::regnamespace and conrelid::regclass::text <> 'schema_migrations'
order by 1, 2
"""
_INDEXES = """
select indexdef from pg_indexes where schemaname = 'public' and tablename <> 'schema_migrations' order by 1
"""
_OPTIONS = """
select relname, reloptions from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'schema_migrations'
order by 1
"""
_KILL = """
select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    _write(
        tmp_path, "0001_create_fruit.sql", "-- Why.\ncreate table fruit (name text); insert into fruit values ('%s');"
    )
    return tmp_path


async def test_a_blank_database_gets_everything_and_a_second_run_does_nothing(blank_database_url: str) -> None:
    assert await migrate(blank_database_url) == _OWN
    assert await migrate(blank_database_url) == []


async def test_the_migrations_add_up_to_the_schema_file(blank_database_url: str, database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(blank_database_url) as connection:
        await connection.execute(_SCHEMA)

    for query in (_COLUMNS, _CONSTRAINTS, _INDEXES, _OPTIONS):
        rows = await _fetch(blank_database_url, query)
        assert rows
        assert await _fetch(database_url, query) == rows


async def test_only_what_is_missing_is_applied(blank_database_url: str, directory: Path) -> None:
    await migrate(blank_database_url, directory)
    _write(directory, "0002_add_color.sql", "-- Why.\nalter table fruit add color text;")

    assert await migrate(blank_database_url, directory) == ["0002_add_color.sql"]
    assert await _fetch(blank_database_url, "select name, color from fruit") == [("%s", None)]


async def test_of_three_migrations_at_once_one_does_the_work(blank_database_url: str) -> None:
    results = await asyncio.gather(*(migrate(blank_database_url) for _ in range(3)))

    assert sorted(results) == [[], [], _OWN]


async def test_a_file_outside_a_transaction_does_not_deadlock_with_waiting_runners(
    blank_database_url: str, directory: Path
) -> None:
    _write(directory, "0002_index_fruit.sql", "-- no-transaction\ncreate index concurrently fruit_name on fruit (name)")

    results = await asyncio.gather(*(migrate(blank_database_url, directory) for _ in range(3)))

    assert sorted(results) == [[], [], ["0001_create_fruit.sql", "0002_index_fruit.sql"]]
    assert await _fetch(blank_database_url, "select indisvalid from pg_index where indexrelid = 'fruit_name'::regclass")


async def test_an_edited_file_is_refused_and_nothing_is_applied(blank_database_url: str, directory: Path) -> None:
    await migrate(blank_database_url, directory)
    _write(directory, "0001_create_fruit.sql", "-- Why.\ncreate table fruit (name text, color text);")
    _write(directory, "0002_create_nuts.sql", "-- Why.\ncreate table nuts (name text);")

    with pytest.raises(MigrationError, match=r"0001_create_fruit\.sql was edited"):
        await migrate(blank_database_url, directory)
    assert await _fetch(blank_database_url, "select to_regclass('nuts')") == [(None,)]


async def test_a_failing_file_leaves_nothing_behind_and_what_came_before_stays(
    blank_database_url: str, directory: Path
) -> None:
    _write(
        directory, "0002_create_nuts.sql", "-- Why.\ncreate table nuts (name text); select no_such_column from nuts;"
    )

    with pytest.raises(MigrationError, match=r"0002_create_nuts\.sql failed: .*no_such_column"):
        await migrate(blank_database_url, directory)

    assert await _fetch(blank_database_url, "select to_regclass('nuts')") == [(None,)]
    assert await _fetch(blank_database_url, "select name from schema_migrations") == [("0001_create_fruit.sql",)]
    _write(directory, "0002_create_nuts.sql", "-- Why.\ncreate table nuts (name text);")
    assert await migrate(blank_database_url, directory) == ["0002_create_nuts.sql"]


async def test_a_database_that_is_ahead_of_the_code_is_no_error(blank_database_url: str, directory: Path) -> None:
    _write(directory, "0002_create_nuts.sql", "-- Why.\ncreate table nuts (name text);")
    await migrate(blank_database_url, directory)
    (directory / "0002_create_nuts.sql").unlink()

    assert await migrate(blank_database_url, directory) == []


async def test_a_runner_that_was_killed_does_not_stop_the_next_one(blank_database_url: str, directory: Path) -> None:
    _write(directory, "0002_wait.sql", "-- Why.\nselect pg_sleep(60);")
    run = asyncio.create_task(migrate(blank_database_url, directory))
    while not await _fetch(blank_database_url, _KILL):  # noqa: ASYNC110 - another process's state
        await asyncio.sleep(0.02)
    with pytest.raises(StorageUnavailableError):
        await run
    _write(directory, "0002_wait.sql", "-- Why.\nselect 1;")

    assert await migrate(blank_database_url, directory) == ["0002_wait.sql"]


async def test_an_empty_folder_is_refused(blank_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="no migrations"):
        await migrate(blank_database_url, tmp_path)


async def test_an_unreachable_database_is_reported() -> None:
    with pytest.raises(StorageUnavailableError):
        await migrate("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")


def _write(directory: Path, name: str, sql: str) -> None:
    (directory / name).write_text(sql)


async def _fetch(url: str, query: LiteralString) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(query)
        return await cursor.fetchall()
