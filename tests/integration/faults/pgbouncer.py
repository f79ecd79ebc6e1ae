"""A real PgBouncer in transaction mode."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from attrs import define, field

from tests.integration.faults.waiting import eventually
from tests.integration.free_port import free_port

#: Connections to the server, for all its clients.
POOL_SIZE = 8
#: Where Debian puts it, which is not on everybody's path.
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))

_INI = """\
[databases]
{database} = host=127.0.0.1 port={server_port} dbname={database} user={user}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 200
server_round_robin = 1
ignore_startup_parameters = extra_float_digits
logfile = {folder}/log
"""


def find_pgbouncer() -> str | None:
    """Returns the program, if it is installed."""
    return shutil.which("pgbouncer", path=_PATH)


@define(eq=False)
class PgBouncer:
    """Stands before one database; ``async with`` starts and stops it.

    Few connections to the server and every transaction on another one, so that nothing kept in a session survives.
    """

    database_url: str
    port: int = field(factory=free_port)
    _folder: Path | None = None
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Returns the database's address, through PgBouncer."""
        return f"postgresql://127.0.0.1:{self.port}{urlsplit(self.database_url).path}?user=chatcore"

    async def start(self) -> None:
        """Starts it and waits until it takes connections."""
        assert self._folder is not None
        program = find_pgbouncer()
        assert program is not None, "PgBouncer is not installed"
        self._process = _run(program, "-q", str(self._folder / "pgbouncer.ini"))
        await eventually(self._listens, within=10, what=f"PgBouncer: {self._log()}")

    def kill(self) -> None:
        """Ends it without a warning."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(5)

    async def __aenter__(self) -> Self:
        # Its account is not ours, and must be able to read what is in the folder and to log there.
        self._folder = Path(tempfile.mkdtemp(prefix="chatcore-pgbouncer-"))
        self._folder.chmod(0o777)
        parts = urlsplit(self.database_url)
        ini = _INI.format(
            database=parts.path[1:],
            server_port=parts.port,
            user=parts.username,
            port=self.port,
            folder=self._folder,
            pool_size=POOL_SIZE,
        )
        (self._folder / "pgbouncer.ini").write_text(ini)
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._folder is not None
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

    def _log(self) -> str:
        assert self._folder is not None
        log = self._folder / "log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else "no log"


def _run(*command: str) -> subprocess.Popen[bytes]:
    # It refuses to run as root; any other account will do, it needs to own nothing.
    account = pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=account)
