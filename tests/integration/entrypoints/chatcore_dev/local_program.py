"""Programs of the local stack, started as a person starts them."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from chatcore_dev.loopback import free_port

KEY = "internal-key"


@contextmanager
def open_folder() -> Generator[Path]:
    """A folder for a test that any account may pass through.

    pytest's own are closed to other accounts, and closed again by every other run of pytest that starts meanwhile;
    run by root, PostgreSQL needs another account.
    """
    folder = Path(tempfile.mkdtemp(prefix="chatcore-local-"))
    folder.chmod(0o755)
    try:
        yield folder
        until(lambda: not processes_with(str(folder)))
    finally:
        shutil.rmtree(folder)


@contextmanager
def local_service(name: str, *options: str) -> Generator[str]:
    """The address of `chatcore_dev.{name}_service`, while it runs."""
    port = free_port()
    command = [sys.executable, "-m", f"chatcore_dev.{name}_service", "--port", str(port), *options]
    with subprocess.Popen(command, env={**os.environ, "INTERNAL_API_KEY": KEY}, stdout=subprocess.PIPE) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            until(lambda: answers(url), or_ended=process)
            yield url
        finally:
            process.terminate()
            process.communicate(timeout=10)


def answers(url: str) -> bool:
    """Whether a service answers there, and well."""
    with suppress(httpx.HTTPError):
        return httpx.get(url, trust_env=False).is_success
    return False


def until(
    condition: Callable[[], bool], *, or_ended: subprocess.Popen[bytes] | subprocess.Popen[str] | None = None
) -> None:
    """Returns as soon as `condition` holds; fails after half a minute, or when the process has ended."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        assert or_ended is None or or_ended.poll() is None, "the process has ended"
        time.sleep(0.02)


def processes_with(argument: str) -> list[int]:
    """The ids of all running processes that have this text in their command line."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if argument.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]
