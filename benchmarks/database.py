"""Runs a PostgreSQL for the benchmark. Only this module knows the local stack, from which the server comes."""

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
    """What all measurements of a part share: a server, and a folder for files."""

    server_url: str
    #: The server's first process.
    server_pid: int
    folder: Path

    @contextmanager
    def empty_database(self) -> Generator[str]:
        """Creates a database, yields its URL, and drops it, so that no measurement meets what another has left."""
        name = f"bench_{uuid4().hex}"
        with psycopg.connect(self.server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            yield f"{self.server_url.rpartition('/')[0]}/{name}"
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@contextmanager
def running_bench(folder: Path) -> Generator[Bench]:
    """Runs a PostgreSQL with fsync on, whose processes yield the CPU to token source and load client.

    All programs that are started meanwhile run off the core of the measured process, unless they are that process.

    Raises:
        BenchmarkError: the server cannot be started.
        KeyboardInterrupt: a signal asked the benchmark to stop.
    """
    # Run by root, the server has another account, which needs to reach its data.
    folder.chmod(0o755)
    data = DataDirectory(folder / "database")
    os.sched_setaffinity(0, TOOL_CORES)
    try:
        with (
            Interruption() as interruption,
            data.claimed(),
            EmbeddedPostgres(data, interruption).running() as (server, url),
        ):
            # From here on a signal interrupts at once. The handlers of before come back at the end of the block.
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
