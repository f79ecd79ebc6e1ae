"""Starts programs of the local stack as a person starts them."""

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
from tests.integration.free_port import free_port

KEY = "internal-key"


@contextmanager
def open_folder() -> Generator[Path]:
    """Creates a folder for a test that any account may traverse, and removes it after the test.

    If root runs the tests, PostgreSQL runs under another account. pytest closes its own folders to other accounts, and
    every other run of pytest that starts meanwhile closes them again.
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
    """Runs `chatcore_dev.{name}_service`; yields its address."""
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
    """Returns whether a service at `url` answers with success."""
    with suppress(httpx.HTTPError):
        return httpx.get(url, trust_env=False).is_success
    return False


def until(
    condition: Callable[[], bool], *, or_ended: subprocess.Popen[bytes] | subprocess.Popen[str] | None = None
) -> None:
    """Waits until `condition` holds; fails after 30 seconds, or if the process `or_ended` has ended."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "the condition did not hold in time"
        assert or_ended is None or or_ended.poll() is None, "the process has ended"
        time.sleep(0.02)


def processes_with(argument: str) -> list[int]:
    """Returns the ids of all running processes with this text in their command line."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if argument.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]
