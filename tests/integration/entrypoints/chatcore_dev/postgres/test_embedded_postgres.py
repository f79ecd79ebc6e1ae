"""Tests that the embedded PostgreSQL starts from whatever an earlier run has left behind."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from tests.integration.entrypoints.chatcore_dev.local_program import open_folder, processes_with

from chatcore_dev.data_directory import DataDirectory
from chatcore_dev.interruption import Interruption
from chatcore_dev.local_stack_error import LocalStackError
from chatcore_dev.postgres.embedded_postgres import EmbeddedPostgres

# Runs in a process of its own: creates a table and then waits to be killed.
VICTIM = """
import sys, time
from pathlib import Path
import psycopg
from chatcore_dev.data_directory import DataDirectory
from chatcore_dev.postgres.embedded_postgres import EmbeddedPostgres
from chatcore_dev.interruption import Interruption

data = DataDirectory(Path(sys.argv[1]))
with Interruption() as interruption, data.claimed(), EmbeddedPostgres(data, interruption).running() as (server, url):
    with psycopg.connect(url) as connection:
        connection.execute("create table kept (word text)")
        connection.execute("insert into kept values ('durable')")
    print(server.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def folder() -> Generator[Path]:
    with open_folder() as made:
        yield made


@contextmanager
def postgres(folder: Path) -> Generator[str]:
    data = DataDirectory(folder)
    with Interruption() as interruption, data.claimed(), EmbeddedPostgres(data, interruption).running() as (_, url):
        yield url


@contextmanager
def victim(folder: Path) -> Generator[tuple[subprocess.Popen[str], int]]:
    """Starts another run on the same folder; yields it and its server's process id."""
    with subprocess.Popen([sys.executable, "-c", VICTIM, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def kept_words(url: str) -> list[tuple[str]]:
    with psycopg.connect(url) as connection:
        return connection.execute("select word from kept").fetchall()


def test_stored_data_is_there_in_the_next_run(folder: Path) -> None:
    with postgres(folder) as url, psycopg.connect(url) as connection:
        connection.execute("create table kept (word text)")
        connection.execute("insert into kept values ('durable')")

    with postgres(folder) as url:
        assert kept_words(url) == [("durable",)]

    assert processes_with(str(folder / "postgres")) == []


def test_after_a_killed_run_all_data_is_there(folder: Path) -> None:
    with victim(folder) as (process, _):
        process.kill()
        process.wait()

        with postgres(folder) as url:
            assert kept_words(url) == [("durable",)]


def test_after_a_killed_server_all_data_is_there(folder: Path) -> None:
    with victim(folder) as (process, server_pid):
        os.kill(server_pid, signal.SIGKILL)
        process.kill()
        process.wait()

        with postgres(folder) as url:
            assert kept_words(url) == [("durable",)]


def test_a_server_that_outlived_its_run_is_replaced(folder: Path) -> None:
    with postgres(folder):
        pass
    data = DataDirectory(folder)
    # Like on a system that does not end children with their parent: the server runs, and nobody holds the lock.
    with (
        Interruption() as interruption,
        EmbeddedPostgres(data, interruption).running() as (leftover, _),
        postgres(folder) as url,
        psycopg.connect(url),
    ):
        assert leftover.exit_status is not None


def test_a_folder_in_use_is_refused_in_one_sentence(folder: Path) -> None:
    with (
        victim(folder),
        pytest.raises(LocalStackError, match=r"^Another chatcore dev is using .*\.$"),
        postgres(folder),
    ):
        pass


def test_a_first_start_that_was_cut_short_is_repeated(folder: Path) -> None:
    unfinished = folder / "postgres.new"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18")

    with postgres(folder) as url, psycopg.connect(url):
        pass


def test_damaged_data_is_reported_in_one_sentence(folder: Path) -> None:
    with postgres(folder):
        pass
    (folder / "postgres" / "PG_VERSION").write_text("9.6\n")

    with (
        pytest.raises(LocalStackError, match="FATAL:  database files are incompatible with server"),
        postgres(folder),
    ):
        pass


def test_damaged_secrets_are_reported_in_one_sentence(folder: Path) -> None:
    with postgres(folder):
        pass
    (folder / "secrets.json").write_text("{")

    with pytest.raises(LocalStackError, match=r"secrets\.json cannot be read"), postgres(folder):
        pass


def test_a_path_may_be_long_and_hold_any_character(folder: Path) -> None:
    awkward = folder / "with spaces, 'quotes' and ünïcode" / ("long " * 30)

    with postgres(awkward) as url, psycopg.connect(url):
        pass


def test_variables_of_postgresql_clients_are_ignored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATA", "/nonsense")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("LC_ALL", "xx_YY.UTF-8")

    with postgres(folder):
        pass


def test_the_password_is_required_and_readable_by_its_owner_only(folder: Path) -> None:
    with postgres(folder) as url, pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url, password="wrong")

    assert stat.S_IMODE((folder / "secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "postgres").stat().st_mode) == 0o700
