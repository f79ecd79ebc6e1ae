"""`chatcore migrate`, as a deployment runs it."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import psycopg
import pytest

_OWN = sorted(path.name for path in Path("sql/migrations").glob("*.sql"))


def migrate(database_url: str) -> list[str]:
    """Runs the command; returns the lines that it prints."""
    result = subprocess.run(
        [sys.executable, "-m", "chatcore_service", "migrate"],
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stderr == ""
    return result.stdout.splitlines()


def test_it_prints_each_applied_migration_and_says_when_there_is_none(
    blank_database_url: str,
) -> None:
    assert migrate(blank_database_url) == [f"applied {name}" for name in _OWN]
    assert migrate(blank_database_url) == ["nothing to do: the database is up to date"]


def test_it_names_a_misspelled_setting(blank_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_ULR", "secret")

    logged, *_ = migrate(blank_database_url)

    assert orjson.loads(logged)["did_you_mean"] == {"DATABASE_ULR": "DATABASE_URL"}
    assert "secret" not in logged


def test_what_it_logs_is_json(blank_database_url: str) -> None:
    migrate(blank_database_url)
    with psycopg.connect(blank_database_url) as connection:
        connection.execute("insert into schema_migrations (name, checksum) values ('9999_of_a_later_version.sql', '')")

    logged, _ = migrate(blank_database_url)

    assert orjson.loads(logged)["names"] == ["9999_of_a_later_version.sql"]
