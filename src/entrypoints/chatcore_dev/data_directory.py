"""Manages the directory in which the local stack keeps its data between runs."""

import fcntl
import os
import secrets
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson
from attrs import asdict, frozen

from chatcore_dev.local_stack_error import LocalStackError

_ENVIRONMENT = "environment.json"


@frozen(repr=False)
class Secrets:
    """The secrets of one data directory, which are generated once."""

    internal_api_key: str
    database_password: str


@frozen
class DataDirectory:
    """A directory with the database, the logs and the secrets of one local stack."""

    path: Path

    def log(self, name: str) -> Path:
        """Returns the log file of the program with this name."""
        return self.path / "logs" / f"{name}.log"

    @contextmanager
    def claimed(self) -> Generator[None]:
        """Creates the directory if necessary and locks it against other processes.

        The operating system releases the lock at any end of the process, so no stale lock can remain.

        Raises:
            LocalStackError: another process has locked the directory, or the directory cannot be written.
        """
        try:
            self._create()
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LocalStackError(f"The data directory {self.path} cannot be used: {error.strerror}.") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise LocalStackError(
                f"Another chatcore dev is using {self.path}; stop that one or choose another folder: "
                'chatcore dev --data-dir FOLDER, or make dev DEV="--data-dir FOLDER".'
            ) from error
        finally:
            os.close(lock)

    @contextmanager
    def published(self, environment: Mapping[str, str]) -> Generator[None]:
        """Publishes the environment of the running stack during the block; see :meth:`running_environment`."""
        path = self.path / _ENVIRONMENT
        _write_privately(path, orjson.dumps(environment))
        try:
            yield
        finally:
            path.unlink()

    def running_environment(self) -> Mapping[str, str]:
        """Returns the environment of the stack that another process runs on this directory.

        Raises:
            LocalStackError: no stack runs on this directory, or the running stack is not ready yet.
        """
        if not self._is_claimed():
            raise LocalStackError(
                f"No chatcore dev is running on {self.path}; start one in another terminal: chatcore dev, or make dev."
            )
        try:
            environment: dict[str, str] = orjson.loads((self.path / _ENVIRONMENT).read_bytes())
        except OSError as error:
            raise LocalStackError(f"The chatcore dev on {self.path} is not ready yet.") from error
        return environment

    def _is_claimed(self) -> bool:
        try:
            lock = os.open(self.path / "lock", os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def secrets(self) -> Secrets:
        """Returns the secrets of this directory, and generates the secrets on the first call.

        Raises:
            LocalStackError: the file with the secrets is damaged.
        """
        path = self.path / "secrets.json"
        if not path.exists():
            _write_privately(path, orjson.dumps(asdict(Secrets(secrets.token_urlsafe(32), secrets.token_urlsafe(32)))))
        try:
            return Secrets(**orjson.loads(path.read_bytes()))
        except (orjson.JSONDecodeError, TypeError, OSError) as error:
            raise LocalStackError(f"{path} cannot be read; without it the data next to it is lost too.") from error

    def _create(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        # The folder is private, because the auth service's log begins with tokens.
        (self.path / "logs").mkdir(mode=0o700, exist_ok=True)
        # The directory may be inside a repository, where git must ignore it.
        (self.path / ".gitignore").write_text("*\n")


def _write_privately(path: Path, content: bytes) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    unfinished.rename(path)
