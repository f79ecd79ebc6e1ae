"""Where the local stack keeps its data between runs."""

import fcntl
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import orjson
from attrs import asdict, frozen

from chatcore_dev.local_stack_error import LocalStackError


@frozen(repr=False)
class Secrets:
    """Made once for each data directory; known to nobody else."""

    internal_api_key: str
    database_password: str


@frozen
class DataDirectory:
    """A folder with the database, the logs and the secrets of one local stack."""

    path: Path

    def log(self, name: str) -> Path:
        """The file that takes what the program of this name writes."""
        return self.path / "logs" / f"{name}.log"

    @contextmanager
    def claimed(self) -> Generator[None]:
        """Makes the folder where there is none, and keeps others from using it meanwhile.

        The claim ends with the process, however that ends: nothing stale can be left.

        Raises:
            LocalStackError: another process has it, or it cannot be written.
        """
        try:
            self._make()
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LocalStackError(f"The data directory {self.path} cannot be used: {error.strerror}.") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise LocalStackError(f"Another chatcore dev is using {self.path}; choose another folder.") from error
        finally:
            os.close(lock)

    def secrets(self) -> Secrets:
        """The secrets of this folder, made at the first call.

        Raises:
            LocalStackError: their file is damaged.
        """
        path = self.path / "secrets.json"
        if not path.exists():
            _write_privately(path, orjson.dumps(asdict(Secrets(secrets.token_urlsafe(32), secrets.token_urlsafe(32)))))
        try:
            return Secrets(**orjson.loads(path.read_bytes()))
        except (orjson.JSONDecodeError, TypeError, OSError) as error:
            raise LocalStackError(f"{path} cannot be read; without it the data next to it is lost too.") from error

    def _make(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        # The auth service's log begins with tokens.
        (self.path / "logs").mkdir(mode=0o700, exist_ok=True)
        # Wherever it is made, it is nobody's source code.
        (self.path / ".gitignore").write_text("*\n")


def _write_privately(path: Path, content: bytes) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    unfinished.rename(path)
