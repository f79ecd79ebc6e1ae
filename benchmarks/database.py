"""Runs a PostgreSQL server for the benchmark. Only this module knows the local stack, which provides the server."""

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from attrs import frozen
from benchmarks.benchmark_error import BenchmarkError
from benchmarks.machine import CORES, TOOL_CORES
from benchmarks.processes import family
from psycopg import sql

from chatcore_dev.data_directory import DataDirectory
from chatcore_dev.interruption import Interruption, StopRequestedError
from chatcore_dev.local_stack_error import LocalStackError
from chatcore_dev.postgres.embedded_postgres import EmbeddedPostgres

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NICENESS = 10


@frozen(kw_only=True)
class Bench:
    """The database server and the folder for files that all measurements of a part share."""

    server_url: str
    #: The server's first process.
    server_pid: int
    folder: Path

    @contextmanager
    def empty_database(self) -> Generator[str]:
        """Creates a database, yields its URL, and drops it, so that no measurement finds the data of another."""
        name = f"bench_{uuid4().hex}"
        with psycopg.connect(self.server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            yield f"{self.server_url.rpartition('/')[0]}/{name}"
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@contextmanager
def running_bench(folder: Path) -> Generator[Bench]:
    """Runs a PostgreSQL server with fsync on, whose processes yield the CPU to token source and load client.

    Of all programs that the block starts, only the measured process runs on the core that is reserved for it.

    Raises:
        BenchmarkError: the server cannot be started.
        KeyboardInterrupt: a signal requested the end of the benchmark.
    """
    # A server that root starts has another account, which needs access to the data.
    folder.chmod(0o755)
    data = DataDirectory(folder / "database")
    os.sched_setaffinity(0, TOOL_CORES)
    try:
        with (
            Interruption() as interruption,
            data.claimed(),
            EmbeddedPostgres(data, interruption).running() as (server, url),
        ):
            # A signal interrupts the block at once. The previous handlers are restored at the end of the block.
            for number in _SIGNALS:
                signal.signal(number, signal.default_int_handler)
            for pid in family(server.pid):
                os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)
            yield Bench(server_url=url, server_pid=server.pid, folder=folder)
    except LocalStackError as error:
        raise BenchmarkError(str(error)) from error
    except StopRequestedError:
        raise KeyboardInterrupt from None
    finally:
        os.sched_setaffinity(0, CORES)
